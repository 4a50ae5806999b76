using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Stillpoint.Cli;

namespace Stillpoint.Demo;

/// <summary>A VM as the lab tells it.</summary>
internal sealed record LabVm(
    Guid Id, string Name, bool Planned, int Generation, string State, bool CanQuiesce, bool Merging, IReadOnlyList<LabDisk> Disks,
    IReadOnlyList<LabCheckpoint> Checkpoints, IReadOnlyList<LabPoint> ReferencePoints);

/// <summary>A disk of a lab VM.</summary>
internal sealed record LabDisk(int Index, string Path, string Slot);

/// <summary>A checkpoint on the lab.</summary>
internal sealed record LabCheckpoint(Guid Id, string Name, string Kind);

/// <summary>A reference point on the lab.</summary>
internal sealed record LabPoint(Guid Id);

/// <summary>The lab's own record of a checkpoint, from the model that never touches the disks under test.</summary>
internal sealed record LabRecord(Guid CheckpointId, string Vm, string Kind, IReadOnlyList<LabRecordDisk> Disks);

/// <summary>One disk of a record.</summary>
/// <param name="Index">Place in the VM.</param>
/// <param name="Path">The frozen file.</param>
/// <param name="Size">Bytes of the disk.</param>
/// <param name="Sha256">Hash of all its bytes.</param>
/// <param name="BytesChanged">Bytes that the guest wrote since the checkpoint before, each counted once.</param>
/// <param name="BytesTouched">The same, rounded out to blocks of 64 KiB.</param>
internal sealed record LabRecordDisk(int Index, string Path, long Size, string Sha256, long BytesChanged, long BytesTouched);

/// <summary>What the lab found when it held a file against a record.</summary>
internal sealed record LabComparison(bool Identical, long? FirstDifferenceOffset, string? Sha256);

/// <summary>What a guest wrote.</summary>
internal sealed record LabWrite(string Vm, long BytesWritten, long BytesChanged);

/// <summary>A planned fault and how often it fired.</summary>
internal sealed record LabFault(string Name, string? Vm, int Count, int Fired);

/// <summary>The lab's own controls, which no host has: let guests write, read the record, compare, plan faults.</summary>
internal sealed class LabClient : IDisposable
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web);
    private readonly HttpClient _http;

    /// <param name="folder">The lab's data folder: it holds address, password and certificate fingerprint.</param>
    public LabClient(string folder)
    {
        using var endpoints = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "endpoints.json")));
        var pin = File.ReadAllText(Path.Combine(folder, "certificate.sha256")).Trim();
        var login = Convert.ToBase64String(Encoding.UTF8.GetBytes("Administrator:" + File.ReadAllText(Path.Combine(folder, "password")).Trim()));
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is X509Certificate2 c
            && string.Equals(Convert.ToHexString(SHA256.HashData(c.RawData)), pin.Replace(":", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);
        _http = new HttpClient(handler) { BaseAddress = new Uri(endpoints.RootElement.GetProperty("control").GetString() + "/"), Timeout = TimeSpan.FromMinutes(5) };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", login);
    }

    public Task<IReadOnlyList<LabVm>> VmsAsync(CancellationToken cancel) => GetAsync<IReadOnlyList<LabVm>>("vms", cancel);

    public async Task<LabVm> VmAsync(string name, CancellationToken cancel) => (await VmsAsync(cancel)).Single(v => v.Name == name);

    public Task<IReadOnlyList<LabRecord>> RecordsAsync(string vm, CancellationToken cancel) =>
        GetAsync<IReadOnlyList<LabRecord>>($"records?vm={Uri.EscapeDataString(vm)}", cancel);

    public Task<LabWrite> WriteAsync(string vm, long bytes, int seed, CancellationToken cancel) =>
        PostAsync<LabWrite>("write", new { vm, bytes, seed }, cancel);

    public Task<LabComparison> CompareAsync(Guid checkpointId, int disk, string hostPath, CancellationToken cancel) =>
        PostAsync<LabComparison>("compare", new { checkpointId, disk, hostPath }, cancel);

    public Task<JsonElement> FaultAsync(string name, string? vm, int count, CancellationToken cancel) =>
        PostAsync<JsonElement>("fault", new { name, vm, count }, cancel);

    public Task<IReadOnlyList<LabFault>> FaultsAsync(CancellationToken cancel) => GetAsync<IReadOnlyList<LabFault>>("faults", cancel);

    /// <param name="vm">The VM.</param>
    /// <param name="kind"><c>recovery-checkpoint</c> or <c>reference-point</c>.</param>
    /// <param name="cancel">Stops waiting.</param>
    public Task<JsonElement> ForeignAsync(string vm, string kind, CancellationToken cancel) => PostAsync<JsonElement>("foreign", new { vm, kind }, cancel);

    public Task<JsonElement> StateAsync(string vm, string state, CancellationToken cancel) => PostAsync<JsonElement>("state", new { vm, state }, cancel);

    public Task<JsonElement> UserCheckpointAsync(string vm, CancellationToken cancel) => PostAsync<JsonElement>("user-checkpoint", new { vm }, cancel);

    public Task<JsonElement> RevertAsync(string vm, CancellationToken cancel) => PostAsync<JsonElement>("revert", new { vm }, cancel);

    public void Dispose() => _http.Dispose();

    private async Task<T> GetAsync<T>(string path, CancellationToken cancel) => await ReadAsync<T>(await _http.GetAsync(path, cancel), path, cancel);

    private async Task<T> PostAsync<T>(string path, object body, CancellationToken cancel) =>
        await ReadAsync<T>(await _http.PostAsJsonAsync(path, body, s_json, cancel), path, cancel);

    private static async Task<T> ReadAsync<T>(HttpResponseMessage response, string path, CancellationToken cancel)
    {
        using (response)
        {
            if (!response.IsSuccessStatusCode)
                throw new CommandFailedException(ExitCodes.Failed, $"the lab refused {path}: {await response.Content.ReadAsStringAsync(cancel)}");
            return await response.Content.ReadFromJsonAsync<T>(s_json, cancel) ?? throw new CommandFailedException(ExitCodes.Failed, $"the lab answered nothing to {path}.");
        }
    }
}
