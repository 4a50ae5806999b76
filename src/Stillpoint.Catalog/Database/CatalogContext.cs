using Microsoft.EntityFrameworkCore;
using Stillpoint.Model;

namespace Stillpoint.Catalog;

/// <summary>The tables. Nothing outside this project sees them.</summary>
internal sealed class CatalogContext(DbContextOptions<CatalogContext> options) : DbContext(options)
{
    public DbSet<PolicyRow> Policies => Set<PolicyRow>();
    public DbSet<ScheduleRow> Schedules => Set<ScheduleRow>();
    public DbSet<HostRecord> Hosts => Set<HostRecord>();
    public DbSet<MediaServerRecord> MediaServers => Set<MediaServerRecord>();
    public DbSet<StorageUnitRecord> StorageUnits => Set<StorageUnitRecord>();
    public DbSet<Job> Jobs => Set<Job>();
    public DbSet<PhaseRow> Phases => Set<PhaseRow>();
    public DbSet<LogRow> Log => Set<LogRow>();
    public DbSet<IntentRow> Intents => Set<IntentRow>();
    public DbSet<ImageRecord> Images => Set<ImageRecord>();
    public DbSet<UserRow> Users => Set<UserRow>();
    public DbSet<ApiTokenRow> ApiTokens => Set<ApiTokenRow>();
    public DbSet<JoinTokenRow> JoinTokens => Set<JoinTokenRow>();
    public DbSet<AuditEntry> Audit => Set<AuditEntry>();

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        configurationBuilder.Properties<DateTimeOffset>().HaveConversion<TimeConverter>();
        configurationBuilder.Properties<TimeSpan>().HaveConversion<SpanConverter>();
        Word<BackupMethod>(configurationBuilder);
        Word<ConsistencyPolicy>(configurationBuilder);
        Word<Consistency>(configurationBuilder);
        Word<GuestBackupType>(configurationBuilder);
        Word<ImageType>(configurationBuilder);
        Word<JobKind>(configurationBuilder);
        Word<JobState>(configurationBuilder);
        Word<JobOutcome>(configurationBuilder);
        Word<Phase>(configurationBuilder);
        Word<PhaseOutcome>(configurationBuilder);
        Word<HostCall>(configurationBuilder);
        Word<OutsideDisks>(configurationBuilder);
        Word<UserRole>(configurationBuilder);
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        People(modelBuilder);
        Places(modelBuilder);
        Work(modelBuilder);
    }

    private static void People(ModelBuilder model)
    {
        model.Entity<UserRow>(user =>
        {
            user.ToTable("users").HasKey(u => u.Name);
            user.Property(u => u.Name).HasMaxLength(Names.MaxLength);
        });
        model.Entity<ApiTokenRow>(token =>
        {
            token.ToTable("api_tokens").HasKey(t => t.Id);
            token.HasIndex(t => t.Hash).IsUnique();
            token.HasIndex(t => t.User);
        });
        model.Entity<JoinTokenRow>(token =>
        {
            token.ToTable("join_tokens").HasKey(t => t.Id);
            token.HasIndex(t => t.Hash).IsUnique();
        });
        model.Entity<AuditEntry>(entry =>
        {
            entry.ToTable("audit").HasKey(e => e.Number);
            entry.Property(e => e.Number).ValueGeneratedOnAdd();
        });
    }

    private static void Places(ModelBuilder model)
    {
        model.Entity<HostRecord>(host =>
        {
            host.ToTable("hosts").HasKey(h => h.Name);
            host.Property(h => h.Inventory).IsJson();
        });
        model.Entity<MediaServerRecord>().ToTable("media_servers").HasKey(m => m.Name);
        model.Entity<StorageUnitRecord>(unit =>
        {
            unit.ToTable("storage_units").HasKey(u => u.Name);
            unit.HasOne<MediaServerRecord>().WithMany().HasForeignKey(u => u.MediaServer).OnDelete(DeleteBehavior.Restrict);
        });
        model.Entity<ImageRecord>(image =>
        {
            image.ToTable("images").HasKey(i => i.Number);
            image.Property(i => i.Number).ValueGeneratedOnAdd();
            image.HasIndex(i => i.Id).IsUnique();
            image.HasIndex(i => new { i.VmId, i.Created });
            image.Property(i => i.Disks).IsJson();
            image.Property(i => i.Findings).IsJson();
            image.Property(i => i.Verified).IsJson();
        });
    }

    private static void Work(ModelBuilder model)
    {
        model.Entity<PolicyRow>(policy =>
        {
            policy.ToTable("policies").HasKey(p => p.Name);
            policy.Property(p => p.Vms).IsJson();
            policy.HasMany(p => p.Schedules).WithOne().HasForeignKey(s => s.PolicyName).OnDelete(DeleteBehavior.Cascade);
        });
        model.Entity<ScheduleRow>().ToTable("schedules").HasKey(s => new { s.PolicyName, s.Name });
        model.Entity<Job>(job =>
        {
            job.ToTable("jobs").HasKey(j => j.Number);
            job.Property(j => j.Number).ValueGeneratedOnAdd();
            job.HasAlternateKey(j => j.Id);
            job.HasIndex(j => j.State);
            job.HasIndex(j => new { j.VmId, j.Number });
            job.Property(j => j.Restore).IsJson();
            job.Property(j => j.Trouble).IsJson();
            job.Property(j => j.Warnings).IsJson();
            job.Property(j => j.Findings).IsJson();
            job.Property(j => j.RestoredFiles).IsJson();
        });
        model.Entity<PhaseRow>(phase =>
        {
            phase.ToTable("job_phases").HasKey(p => new { p.JobId, p.Phase });
            phase.HasOne<Job>().WithMany().HasForeignKey(p => p.JobId).HasPrincipalKey(j => j.Id).OnDelete(DeleteBehavior.Cascade);
        });
        model.Entity<LogRow>(line =>
        {
            line.ToTable("job_log").HasKey(l => l.Number);
            line.Property(l => l.Number).ValueGeneratedOnAdd();
            line.HasIndex(l => new { l.JobId, l.Number });
            line.HasOne<Job>().WithMany().HasForeignKey(l => l.JobId).HasPrincipalKey(j => j.Id).OnDelete(DeleteBehavior.Cascade);
        });
        model.Entity<IntentRow>(intent =>
        {
            intent.ToTable("intents").HasKey(i => i.Id);
            intent.HasIndex(i => i.VmId);
            intent.HasIndex(i => i.Client);
            intent.Property(i => i.IdsBefore).IsJson();
        });
    }

    private static void Word<T>(ModelConfigurationBuilder configuration) where T : struct, Enum =>
        configuration.Properties<T>().HaveConversion<WordConverter<T>>();
}
