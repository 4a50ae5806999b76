// Each site is five processes; on two cores two sites at once only slow each other down.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
