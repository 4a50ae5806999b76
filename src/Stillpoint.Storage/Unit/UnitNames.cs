using System.Globalization;
using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>Names of a unit's objects. docs/FORMAT.md, "Names".</summary>
internal static class UnitNames
{
    public const string Configuration = "unit.json";
    public const string Ends = "ends/";
    public const string Images = "images/";
    public const string Notes = "notes/";
    public const string AllPacks = "packs/";
    public const string Catalog = "catalog/";
    public const string Sessions = "sessions/";
    public const string Leases = "leases/";
    public const string Condemned = "condemned/";
    public const string Keepings = "keeping/";
    public const string BrokenGlass = "broken-glass/";
    public const string PrimaryKey = "primary.key";
    public const string Bads = "bad/";
    public const string AllChecks = "checks/";

    /// <summary>True for objects that are replaced; all others never change.</summary>
    public static bool IsReplaced(string name) => s_replaced.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal));

    /// <summary>True for objects that a unit which locks writes locked: all but those that only organize its work and have to go again.</summary>
    public static bool IsLocked(string name) => !s_working.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal));

    private static readonly string[] s_replaced = [Leases, AllChecks];

    private static readonly string[] s_working = [Leases, AllChecks, Sessions, Condemned, Bads, Catalog, "index/"];

    public static string Packs(Guid domain) => $"packs/{domain:N}/";

    public static string Pack(PackHeader header) => Pack(header.Domain, header.Pack, header.Kind);

    public static string Pack(Guid domain, Guid pack, PackKind kind) => $"{Packs(domain)}{pack:N}.{(kind == PackKind.Nodes ? "nodes" : "data")}";

    public static string Session(Guid session) => $"{Sessions}{session:N}";

    public static string Lease(Guid session) => $"{Leases}{session:N}";

    public static string Round(Guid round) => $"{Condemned}{round:N}";

    public static string RoundWaits(Guid round) => $"{Condemned}{round:N}.waits";

    public static string RoundVerdict(Guid round) => $"{Condemned}{round:N}.verdict";

    public static string Keeping(Guid image, int number) => $"{Keepings}{image:N}.{number:x8}";

    public static string Glass(DateTimeOffset written, Guid id) => $"{BrokenGlass}{written.UtcTicks:x16}.{id:N}";

    /// <summary>The id that a name of <c>PREFIX/ID</c> ends with; null when it ends with something else.</summary>
    public static Guid? IdOf(string name) => Guid.TryParseExact(name[(name.LastIndexOf('/') + 1)..], "N", out var id) ? id : null;

    /// <summary>Image and session in the name of an image's object; null when it is none.</summary>
    public static (Guid Image, Guid Session)? ImageOf(string name)
    {
        var parts = name[(name.LastIndexOf('/') + 1)..].Split('.');
        return parts.Length == 2 && Guid.TryParseExact(parts[0], "N", out var image) && Guid.TryParseExact(parts[1], "N", out var session)
            ? (image, session)
            : null;
    }

    /// <summary>The image in the name of one of its notes or keepings; null when it is none.</summary>
    public static Guid? ImageOfNote(string name)
    {
        // For each note of a list, and there may be a hundred thousand: without a string.
        var last = name.AsSpan(name.LastIndexOf('/') + 1);
        return last.Length > 33 && last[32] == '.' && Guid.TryParseExact(last[..32], "N", out var image) ? image : null;
    }

    public static string End(Guid session) => $"{Ends}{session:N}";

    /// <summary>The session in the name of its end; null when it is none's.</summary>
    public static Guid? SessionOf(string endName) => Guid.TryParseExact(endName[(endName.LastIndexOf('/') + 1)..], "N", out var session) ? session : null;

    public static string Image(Guid image, Guid session) => $"{Images}{image:N}.{session:N}";

    public static string Note(Guid image, DateTimeOffset written, NoteKind kind, Guid id) =>
        $"{Notes}{image:N}.{written.UtcTicks:x16}.{Model.Words.Of(kind)}.{id:N}";

    public static string CatalogCopy(Guid id) => $"{Catalog}{id:N}";

    public static string Runs(Guid domain) => $"index/{domain:N}/";

    public static string Run(Guid domain, Guid run) => $"{Runs(domain)}{run:N}";

    /// <summary>The run of the index that bears such a name; null when it is none.</summary>
    public static Guid? RunOf(string name) => Guid.TryParseExact(name[(name.LastIndexOf('/') + 1)..], "N", out var run) ? run : null;

    /// <summary>The time in the name of a note; null when it is none's.</summary>
    public static DateTimeOffset? TimeOfNote(string name)
    {
        var parts = name[(name.LastIndexOf('/') + 1)..].Split('.');
        return parts.Length == 4 ? TimeOf(parts[1]) : null;
    }

    /// <summary>The time in the name of a broken glass; null when it is none's.</summary>
    public static DateTimeOffset? TimeOfGlass(string name)
    {
        var parts = name[(name.LastIndexOf('/') + 1)..].Split('.');
        return parts.Length == 2 ? TimeOf(parts[0]) : null;
    }

    private static DateTimeOffset? TimeOf(string ticks) =>
        long.TryParse(ticks, NumberStyles.HexNumber, null, out var count) && count >= 0 && count <= DateTime.MaxValue.Ticks
            ? new DateTimeOffset(count, TimeSpan.Zero)
            : null;

    public static string AllBad(Guid domain) => $"bad/{domain:N}/";

    public static string Bad(BadRecord bad, Guid domain) => $"{AllBad(domain)}{bad.Pack:N}.{bad.Offset:x8}";

    public static string Checks(Guid domain, Model.VerifyKind kind) => $"{AllChecks}{domain:N}.{Model.Words.Of(kind)}";

    /// <summary>The record that such a name is about; null when it is none.</summary>
    public static BadRecord? BadOf(string name)
    {
        var parts = name[(name.LastIndexOf('/') + 1)..].Split('.');
        return parts.Length == 2 && Guid.TryParseExact(parts[0], "N", out var pack) && uint.TryParse(parts[1], NumberStyles.HexNumber, null, out var offset)
            ? new BadRecord(pack, offset)
            : null;
    }

    /// <summary>The domain in the name of a pack; null when it is none's.</summary>
    public static Guid? DomainOf(string packName)
    {
        var parts = packName.Split('/');
        return parts.Length == 3 && parts[0] == "packs" && Guid.TryParseExact(parts[1], "N", out var domain) ? domain : null;
    }
}
