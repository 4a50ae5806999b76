using System.Text;
using CsCheck;
using Stillpoint.Model;
using static Stillpoint.HyperV.Tests.Messages;

namespace Stillpoint.HyperV.Tests;

public sealed class HostileAnswerTests
{
    private static readonly string Name = Instance("Msvm_ComputerSystem", ("CreationClassName", "Msvm_ComputerSystem"), ("Name", "HÔST-1"));

    public static TheoryData<string> Unreadable => new(
        "", "hello", "<a/>", "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"/>",
        "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>" + All(Name),
        "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><x>&b;</x>",
        All(Name)[..200],
        Envelope(string.Concat(Enumerable.Repeat("<a>", 200)) + string.Concat(Enumerable.Repeat("</a>", 200))),
        Envelope("<n:PullResponse/>"), Envelope(""));

    [Theory]
    [MemberData(nameof(Unreadable))]
    public async Task What_cannot_be_read_is_a_trouble_of_the_host(string body)
    {
        await using var opened = new Opened(_ => body);
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => opened.Host.GetHostNameAsync(default))).Trouble;
        Assert.Equal("host 127.0.0.1", trouble.Culprit);
        Assert.False(trouble.Retry);
    }

    [Fact]
    public async Task A_huge_answer_is_cut_off()
    {
        await using var opened = new Opened(_ => All(Instance("X", ("A", new string('x', 5 * 1024 * 1024)))));
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => opened.Host.GetHostNameAsync(default))).Trouble;
        Assert.Contains("longer than", trouble.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_list_without_an_end_is_cut_off()
    {
        await using var server = new ScriptedHost(request => request.Verb == "Enumerate"
            ? Envelope("<n:EnumerateResponse><n:EnumerationContext>uuid:1</n:EnumerationContext></n:EnumerateResponse>")
            : Envelope($"<n:PullResponse><n:EnumerationContext>uuid:1</n:EnumerationContext><n:Items>{Name}</n:Items></n:PullResponse>"));
        var options = server.Options with { MaxEnumerationBytes = 20_000 };
        await using var host = HyperVHostFactory.Create(options, new ImpatientTime(), () => Guid.Empty);
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => host.GetHostNameAsync(default))).Trouble;
        Assert.Contains("more than 20000 bytes", trouble.Message, StringComparison.Ordinal);
        Assert.Equal("Release", server.Requests[^1].Verb);
    }

    [Theory]
    [InlineData("utf-8", "utf-8", false)]
    [InlineData("utf-8", "utf-8", true)]
    [InlineData("utf-16", "utf-16", true)]
    [InlineData("utf-16", "UTF-16", false)]
    [InlineData("utf-16BE", "utf-16be", false)]
    [InlineData("iso-8859-1", "\"ISO-8859-1\"", false)]
    public async Task Encodings_are_read_by_their_label_or_mark(string encoding, string label, bool mark)
    {
        var coder = Encoding.GetEncoding(encoding);
        byte[] body = [.. mark ? coder.GetPreamble() : [], .. coder.GetBytes(All(Name))];
        await using var opened = new Opened(_ => new Reply(body) { ContentType = $"application/soap+xml;charset={label}" });
        Assert.Equal("HÔST-1", await opened.Host.GetHostNameAsync(default));
    }

    [Fact]
    public async Task An_unknown_encoding_is_refused()
    {
        await using var opened = new Opened(_ => new Reply([1]) { ContentType = "application/soap+xml;charset=ebcdic" });
        await Assert.ThrowsAsync<TroubleException>(() => opened.Host.GetHostNameAsync(default));
    }

    [Fact]
    public async Task A_control_character_in_one_name_does_not_hide_the_host()
    {
        var odd = Instance("Msvm_ComputerSystem", ("Name", "A1B2C3D4-0000-4000-8000-000000000001"), ("ElementName", "@"))
            .Replace("@", "web&#x1;", StringComparison.Ordinal);
        await using var opened = new Opened(_ => All(odd, Name));
        Assert.Equal("HÔST-1", await opened.Host.GetHostNameAsync(default));
    }

    [Fact]
    public async Task No_rows_at_all_means_no_rights()
    {
        await using var opened = new Opened(_ => All());
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => opened.Host.GetHostNameAsync(default))).Trouble;
        Assert.Contains("Hyper-V Administrators", trouble.NextStep, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_with_a_control_character_is_refused_before_it_is_sent()
    {
        await using var opened = new Opened(_ => All());
        await Assert.ThrowsAsync<TroubleException>(() => opened.Host.RenameCheckpointAsync("Microsoft:x", "a\u0001b", default));
        Assert.Empty(opened.Server.Requests);
    }

    [Fact]
    public void Damaged_messages_are_read_or_refused_never_worse()
    {
        string[] originals =
        [
            Recorded("computersystem_pull_vm_off.xml"), Recorded("affectedjobelement_pull_created.xml"), Recorded("storagejob_get_running.xml"),
            Encoding.UTF8.GetString(Fault("w:InternalError", ProviderFault(1, 2, "x")).Body),
        ];
        var damage = Gen.Select(Gen.Int[0, originals.Length - 1], Gen.Int[0, 6000], Gen.Int[0, 200], Gen.Char.Array[0, 12]);
        damage.Sample((which, at, length, put) =>
        {
            var text = originals[which];
            at = Math.Min(at, text.Length);
            length = Math.Min(length, text.Length - at);
            var damaged = string.Concat(text.AsSpan(0, at), new string(put), text.AsSpan(at + length));
            try
            {
                using var reader = new StringReader(damaged);
                var body = EnvelopeReader.Body(EnvelopeReader.Parse(reader));
                foreach (var element in body?.DescendantsAndSelf() ?? []) _ = CimInstanceReader.Read(element).Reference("AffectedElement");
            }
            catch (Exception e) when (e is InvalidAnswerException or WsManFaultException)
            {
            }
        }, iter: 3000, seed: "0N0XIzNsQ0O2");
    }
}
