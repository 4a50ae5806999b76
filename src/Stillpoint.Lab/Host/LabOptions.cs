using System.Net;
using System.Security.Cryptography;

namespace Stillpoint.Lab;

/// <summary>How a lab is to be.</summary>
public sealed record LabOptions
{
    /// <summary>Folder of everything the lab keeps.</summary>
    public required string DataFolder { get; init; }

    /// <summary>Where it listens for HTTPS, the controls among it; port 0 takes a free one.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 5986);

    /// <summary>Where it listens for HTTP, on which every message must be sealed; null for nowhere.</summary>
    public IPEndPoint? ListenHttp { get; init; }

    /// <summary>Accounts beside <c>Administrator</c>. One without a password is a Kerberos principal (<c>NAME@REALM</c>), or a client certificate
    /// by its SHA-256 (<c>certificate HEX</c>).</summary>
    public IReadOnlyList<LabAccount> Accounts { get; init; } = [];

    /// <summary>VMs over disks of the user's, made when a VM of that name is not there yet. A disk is never written: it becomes the parent of a
    /// differencing file, or is copied once when it is no VHDX.</summary>
    public IReadOnlyList<UserMachine> Machines { get; init; } = [];

    /// <summary>True to make the three VMs of the fixtures in a new lab.</summary>
    public bool WithFixtures { get; init; } = true;

    /// <summary>Bytes that the guests write each second, over all running VMs; 0 for none.</summary>
    public long WriteRate { get; init; }

    /// <summary>Bytes of a granule of change tracking, a power of two from 512 on: a write marks each that it touches. A real host's is not documented.</summary>
    public long Granule { get; init; } = 64 * 1024;

    /// <summary>How long a job takes at least.</summary>
    public TimeSpan JobTime { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a merge waits before it begins.</summary>
    public TimeSpan MergeDelay { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>Language in which the host speaks: <c>en-US</c> or <c>ja-JP</c>.</summary>
    public string Language { get; init; } = "en-US";

    /// <summary>The version that the host says it is.</summary>
    public Version HostVersion { get; init; } = new(10, 0, 20348);

    /// <summary>Clock and timers.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>New ids.</summary>
    public required Func<Guid> NewId { get; init; }

    /// <summary>Where the password comes from.</summary>
    public required RandomNumberGenerator Random { get; init; }
}

