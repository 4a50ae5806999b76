namespace Stillpoint.Lab;

/// <summary>The display language of the host: what it calls things and how it words errors, whatever language a request asks for. Names that people
/// gave stay; numbers in errors stay.</summary>
internal sealed class HostLanguage(string name)
{
    private static readonly string[] Told = ["Caption", "Description", "StatusDescriptions", "JobStatus", "ErrorDescription", "ErrorSummaryDescription"];

    /// <summary>Words of a host recorded in Japanese (r4sd/go-wsman, MIT) and their like.</summary>
    private static readonly Dictionary<string, string> Japanese = new(StringComparer.Ordinal)
    {
        ["Virtual Machine"] = "仮想マシン",
        ["Planned Virtual Machine"] = "計画された仮想マシン",
        ["Hosting Computer System"] = "ホスト コンピューター システム",
        ["Microsoft Virtual Machine"] = "Microsoft 仮想マシン",
        ["Virtual Machine Settings"] = "仮想マシンの設定",
        ["Hard Disk Image"] = "ハード ディスク イメージ",
        ["Network Adapter"] = "ネットワーク アダプター",
        ["Operating normally"] = "正常に動作しています",
        ["In service"] = "サービス中",
        ["Merging disks"] = "ディスクの結合中",
        ["Backing up"] = "バックアップ中",
        ["Job is running"] = "ジョブは実行中です",
        ["Job is completed successfully"] = "ジョブは正常に完了しました",
        ["Job failed"] = "ジョブは失敗しました",
    };

    /// <summary>Its name as envelopes carry it.</summary>
    public string Name { get; } = name is "en-US" or "ja-JP" ? name : throw new ArgumentException($"'{name}' is not a language of the lab: en-US or ja-JP.");

    /// <summary>The instance in the host's words.</summary>
    public CimInstance Speak(CimInstance instance)
    {
        if (Name == "en-US") return instance;
        foreach (var property in Told.Where(p => instance.Class.Find(p) is not null))
        {
            instance[property] = instance[property] switch
            {
                string text => Say(text),
                string[] texts => texts.Select(Say).ToArray(),
                var other => other,
            };
        }
        return instance;
    }

    private static string Say(string text) => text.Length == 0 ? text : Japanese.GetValueOrDefault(text, $"日本語の表示: {text}");
}
