using Microsoft.Extensions.Time.Testing;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

/// <summary>A chain of files and beside it what its leaf must read as. After a crash a byte is what the last flush promised, or what was
/// written to it since; then the model takes what is there.</summary>
internal sealed class DiskHistory : IDisposable
{
    private const int Mebibyte = 1 << 20;
    private readonly TestFolder _folder = new();
    private readonly Random _random;
    private readonly CrashingFiles _files;
    private readonly SortedDictionary<string, int> _mix;
    private readonly DiskFormat _format;
    private readonly int _sector;
    private readonly int _blockSize;
    private readonly List<string> _chain = [];
    private readonly List<(int Offset, byte[] Bytes)> _unflushed = [];
    private byte[] _promised;
    private byte[] _model;
    private VirtualDisk _disk;
    private int _names;

    internal DiskHistory(int seed, DiskFormat format, int blockSize, int sector, SortedDictionary<string, int> mix)
    {
        _format = format;
        _random = new Random(seed);
        _files = new CrashingFiles(_random);
        (_blockSize, _sector, _mix) = (blockSize, sector, mix);
        _model = new byte[(3 * Mebibyte) + (_random.Next(1, 500) * sector)];
        _promised = [.. _model];
        _chain.Add(_folder[format == DiskFormat.Vhdx ? "d0.vhdx" : "d0.vhd"]);
        _disk = Create(_chain[0], null);
    }

    internal void Step(int step)
    {
        Count("step");
        var crash = _random.Next(2) == 0;
        if (crash) _files.StopAfter(_random.Next(3) == 0 ? _random.Next(20_000) : _random.Next(2 * Mebibyte));
        string what = "";
        try
        {
            what = Act();
            if (crash) throw new SimulatedCrashException();
        }
        catch (SimulatedCrashException)
        {
            Count("crash");
            Recover($"step {step}, crash in {what}");
        }
        Check($"step {step}, {what}");
    }

    internal void Check(string when)
    {
        var seen = new byte[_disk.Length];
        _disk.Read(0, seen);
        if (!seen.AsSpan().SequenceEqual(_model)) Assert.Fail($"{when}: differs from the model at {seen.AsSpan().CommonPrefixLength(_model)} of {_model.Length}, disk {seen.Length}");
        var data = _disk.Data;
        foreach (var hole in data.Invert(_disk.Length)) Assert.False(seen.AsSpan((int)hole.Offset, (int)hole.Length).ContainsAnyExcept((byte)0), $"{when}: {hole} is not in the map");
    }

    public void Dispose()
    {
        _disk.Dispose();
        _folder.Dispose();
    }

    internal string Merge()
    {
        if (_chain.Count == 1) Snapshot();
        Count("merge");
        Close();
        var child = _chain[^1];
        DiskFile.MergeIntoParent(child, new VhdxMergeOptions { NewId = _folder.NewId, Files = _files });
        _chain.RemoveAt(_chain.Count - 1);
        File.Delete(child);
        Reopen();
        return "merge";
    }

    internal string Resize()
    {
        Count("resize");
        Flush();
        var length = Math.Max(_sector, _model.Length + (_random.Next(-1200, 2500) * _sector));
        length = Math.Min(length, 6 * Mebibyte);
        var next = new byte[length];
        _model.AsSpan(0, Math.Min(length, _model.Length)).CopyTo(next);
        (_resizingFrom, _resizingTo) = (_model.Length, length);
        _disk.Resize(length, discard: true);
        (_model, _promised) = (next, [.. next]);
        _resizingTo = 0;
        return "resize";
    }

    private int _resizingFrom;
    private int _resizingTo;

    private string Act() => _random.Next(15) switch
    {
        < 6 => Write(),
        6 => Zero(),
        7 => Flush(),
        < 10 => Snapshot(),
        10 => Merge(),
        11 => Resize(),
        12 => Compact(),
        _ => CloseAndReopen(),
    };

    private string Write()
    {
        Count("write");
        for (var i = _random.Next(1, 4); i > 0; i--)
        {
            var length = _random.Next(1, _random.Next(4) == 0 ? _model.Length : 20_000);
            length = Math.Min(length, _model.Length);
            var offset = _random.Next(_model.Length - length + 1);
            if (_random.Next(2) == 0) (offset, length) = (offset / _sector * _sector, Math.Max(_sector, length / _sector * _sector));
            Note(offset, TestFolder.Noise(_random.Next(), length));
            _disk.Write(offset, _unflushed[^1].Bytes);
            if (_random.Next(2) == 0) Flush();
        }
        return "write";
    }

    private string Zero()
    {
        Count("zero");
        var length = _random.Next(2) == 0 ? Math.Min(_model.Length, 1 + _random.Next(3 * Mebibyte)) : _random.Next(1, 30_000);
        length = Math.Min(length, _model.Length);
        var offset = _random.Next(_model.Length - length + 1);
        if (_random.Next(2) == 0) offset = offset / _blockSize * _blockSize;
        Note(offset, new byte[length]);
        _disk.Zero(offset, length);
        return "zero";
    }

    private string Flush()
    {
        _disk.Flush();
        _promised = [.. _model];
        _unflushed.Clear();
        return "flush";
    }

    private string Snapshot()
    {
        Count("snapshot");
        Close();
        var path = _folder[$"d{++_names}.{(_format == DiskFormat.Vhdx ? "avhdx" : "avhd")}"];
        _disk = Create(path, _chain[^1]);
        _chain.Add(path);
        return "snapshot";
    }

    private VirtualDisk Create(string path, string? parent)
    {
        var length = parent is null ? _model.Length : 0;
        var kind = parent is null ? DiskKind.Dynamic : DiskKind.Differencing;
        return _format == DiskFormat.Vhdx
            ? VhdxDisk.Create(path, new VhdxCreateOptions { Length = length, Kind = kind, Parent = parent, BlockSize = _blockSize, LogicalSectorSize = _sector, NewId = _folder.NewId, Files = _files })
            : VhdFile.Create(path, new VhdCreateOptions { Length = length, Kind = kind, Parent = parent, BlockSize = _blockSize, NewId = _folder.NewId, Time = new FakeTimeProvider(), Files = _files });
    }

    private string Compact()
    {
        Count("compact");
        Flush();
        _disk.Compact(null, CancellationToken.None);
        return "compact";
    }

    private string CloseAndReopen()
    {
        Count("reopen");
        Close();
        Reopen();
        return "reopen";
    }

    private void Close()
    {
        Flush();
        _disk.Dispose();
    }

    private void Reopen() => _disk = VirtualDisk.Open(_chain[^1], new DiskOpenOptions { ReadOnly = false, NewId = _folder.NewId, Files = _files });

    private void Note(int offset, byte[] bytes)
    {
        _unflushed.Add((offset, bytes));
        bytes.CopyTo(_model, offset);
    }

    private void Recover(string when)
    {
        _files.Restart();
        // A reader that may not write sees the same as the writer that replays.
        byte[] seenByReader;
        using (var reader = VirtualDisk.Open(_chain[^1], new DiskOpenOptions()))
        {
            seenByReader = new byte[reader.Length];
            reader.Read(0, seenByReader);
        }
        Reopen();
        var seen = new byte[_disk.Length];
        _disk.Read(0, seen);
        Assert.True(seen.AsSpan().SequenceEqual(seenByReader), $"{when}: read-only and writable opening disagree");
        if (seen.Length != _promised.Length)
        {
            Assert.True(seen.Length == _resizingTo && _promised.Length == _resizingFrom, $"{when}: the disk has {seen.Length} bytes, not {_promised.Length}");
            Array.Resize(ref _promised, seen.Length);
        }
        for (var i = seen.AsSpan().CommonPrefixLength(_promised); i < seen.Length; i += seen.AsSpan(i).CommonPrefixLength(_promised.AsSpan(i)))
        {
            // One that was written since the last flush, or cut off or not yet by a resize; else it is neither old nor new.
            var (at, now) = (i, seen[i]);
            var written = _unflushed.Any(w => at >= w.Offset && at < w.Offset + w.Bytes.Length && w.Bytes[at - w.Offset] == now);
            if (!written && !(_resizingTo > 0 && seen[i] == 0 && i >= Math.Min(_resizingTo, _resizingFrom))) Assert.Fail($"{when}: byte {i} is neither old nor new");
            i++;
        }
        _model = seen;
        _promised = [.. seen];
        _unflushed.Clear();
        _resizingTo = 0;
        _disk.Flush();
    }

    private void Count(string what) => _mix[what] = _mix.GetValueOrDefault(what) + 1;
}
