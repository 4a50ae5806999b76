using System.CommandLine;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint store …</c>: a storage unit without any server.</summary>
internal static class StoreCommand
{
    public static Command Create() => new("store", "A storage unit without any server: back up and restore disk files, list, verify, prune, collect.")
    {
        StoreInit.Create(),
        StoreBackup.Create(),
        StoreRestore.Create(),
        StoreImages.Create(),
        StoreVerify.Create(),
        StoreStats.Create(),
        StoreHead.Create(),
        StoreDuplicate.Create(),
        StoreRepair.Create(),
        StoreImport.Create(),
        StoreRenew.Create(),
        StoreIndex.Create(),
        StorePrune.Create(),
        StoreExpire.Create(),
        StoreHold.Create(),
        StoreLock.Create(),
        StoreCollect.Create(),
        StoreAttach.Create(),
        StoreKeys.Create(),
        StoreKit.Create(),
        StoreAccess.PassphraseFile,
    };
}
