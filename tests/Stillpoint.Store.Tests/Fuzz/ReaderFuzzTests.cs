using Stillpoint.Chunks;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>The fixed share of the fuzzing: each reader meets thousands of spoiled inputs, and answers or refuses in the one way that is
/// documented, within bounds of memory. <c>build/fuzz-store</c> looks for more.</summary>
public sealed class ReaderFuzzTests
{
    private const int Rounds = 20_000;
    private const long MostMemory = 16L << 20;

    /// <summary>These read files or several megabytes a time.</summary>
    private static readonly Dictionary<string, int> s_fewer = new() { ["index run"] = 2000, ["pack"] = 8000, ["catalog copy"] = 6000 };

    private static readonly Lazy<IReadOnlyDictionary<string, FuzzTarget>> s_targets = new(() => StoreTargets.All().ToDictionary(t => t.Name));

    public static TheoryData<string> Names => [.. s_targets.Value.Keys];

    /// <summary>A pack of two gigabytes whose footer claims fifty million records asked for two gigabytes of memory.</summary>
    [Fact]
    public void No_footer_asks_for_more_than_its_pack_can_hold()
    {
        var random = new Random(1);
        for (var round = 0; round < 20_000; round++)
        {
            var count = random.Next(2) == 0 ? random.Next() : random.Next(1 << 26);
            var offset = random.Next(3) == 0 ? random.NextInt64(PackFormat.MaxLength * 4) : random.Next(1 << 20);
            var footer = new byte[PackFormat.FooterSize];
            System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(footer, offset);
            System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(footer.AsSpan(8), count);
            "SPTR"u8.CopyTo(footer.AsSpan(12));
            var length = offset + (long)count * StoreFormat.TrailerEntrySize + PackFormat.FooterSize;
            if (PackFormat.ReadFooter(footer, length) is not { } read) continue;
            Assert.InRange(read.Offset, PackFormat.HeaderSize + (long)read.Count * (StoreFormat.RecordHeaderSize + 1), length);
            Assert.InRange(length - read.Offset, PackFormat.FooterSize, int.MaxValue);
        }
    }

    /// <summary>A run that names a place past four gigabytes ended a look-up by an overflow.</summary>
    [Fact]
    public void A_place_at_the_end_of_what_fits_is_computed_right()
    {
        var entry = new RunEntry(new RunKey(1, 2), 3, uint.MaxValue, PackFormat.MaxStored);
        var bytes = new byte[RunEntry.Size];
        entry.Write(bytes);
        Assert.Equal(entry, RunEntry.Read(bytes));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Spoiled_input_ends_in_an_answer_or_the_documented_refusal(string name) =>
        FuzzShare.Run(s_targets.Value[name], s_fewer.GetValueOrDefault(name, Rounds), MostMemory);
}
