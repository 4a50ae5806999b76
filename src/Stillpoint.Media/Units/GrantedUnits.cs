using Microsoft.Extensions.Logging;
using Stillpoint.Chunks;
using Stillpoint.Durable;
using Stillpoint.Model;
using Stillpoint.Storage;
using Stillpoint.Transport;

namespace Stillpoint.Media;

/// <summary>Opens what a grant names: for a backup a writer that may list, add and annotate images of that one VM and commit that one image;
/// for a restore a reader of that one image. Nothing here deletes or overwrites.</summary>
internal sealed class GrantedUnits : IGrantedUnits
{
    private readonly AttachedUnits _units;
    private readonly string _keyPath;
    private readonly MediaEnvironment _environment;
    private volatile GrantVerifier? _grants;

    /// <param name="units">The units of this media server.</param>
    /// <param name="keyPath">Where the primary's public key is remembered.</param>
    /// <param name="environment">Clock and log.</param>
    public GrantedUnits(AttachedUnits units, string keyPath, MediaEnvironment environment)
    {
        _units = units;
        _keyPath = keyPath;
        _environment = environment;
        if (File.Exists(keyPath)) _grants = TryVerifier(File.ReadAllBytes(keyPath));
    }

    public GrantVerifier? Grants => _grants;

    /// <summary>The primary said which key its grants are signed with.</summary>
    public void UseKey(byte[] key)
    {
        if (TryVerifier(key) is not { } verifier)
        {
            _environment.Log.LogError("The primary server sent a grant key that is none; grants are checked with the one before.");
            return;
        }
        _grants = verifier;
        if (!File.Exists(_keyPath) || !File.ReadAllBytes(_keyPath).AsSpan().SequenceEqual(key)) DurableFile.Replace(_keyPath, key);
    }

    public async Task<IImageReader> OpenAsync(JobGrant grant, CancellationToken cancel)
    {
        var unit = await _units.OpenAsync(grant.StorageUnit, cancel);
        IImageReader session = grant.Kind == GrantKind.Backup
            ? await unit.OpenWriterAsync(new WriterScope(grant.Domain, grant.VmId, grant.ImageId, grant.JobId, Epoch: grant.Epoch), cancel)
            : await unit.OpenReaderAsync(new ReaderScope(grant.Domain, grant.VmId, grant.ImageId), cancel);
        Kill.Reach(KillPoint.SessionOpened);
        _environment.Log.LogInformation("Session of '{Holder}' on '{Unit}': {Kind} of VM {Vm}, job {Job}.",
            grant.Holder, grant.StorageUnit, Words.Of(grant.Kind), grant.VmId, grant.JobId);
        return session;
    }

    private GrantVerifier? TryVerifier(byte[] key)
    {
        try
        {
            return new GrantVerifier(key, _environment.Time);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
