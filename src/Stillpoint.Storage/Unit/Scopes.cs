namespace Stillpoint.Storage;

/// <summary>What a writing session may do; ids that are null are not limited. A media server fills it from the job grant.</summary>
/// <param name="Domain">The key domain that it stores in and reads from.</param>
/// <param name="VmId">The one VM whose images it may list, add and annotate.</param>
/// <param name="ImageId">The one image that it may commit.</param>
/// <param name="JobId">The job that the image must name.</param>
/// <param name="Copy">True for the copy of another unit's image, whose base need not be here. Never for a client.</param>
/// <param name="Epoch">The epoch of the data key that it must seal under.</param>
public sealed record WriterScope(
    Guid Domain, Guid? VmId = null, Guid? ImageId = null, Guid? JobId = null, bool Copy = false, ushort? Epoch = null);

/// <summary>What a reading session may see; ids that are null are not limited.</summary>
/// <param name="Domain">The key domain that it reads.</param>
/// <param name="VmId">The one VM whose images it lists.</param>
/// <param name="ImageId">The one image that it lists.</param>
public sealed record ReaderScope(Guid Domain, Guid? VmId = null, Guid? ImageId = null);
