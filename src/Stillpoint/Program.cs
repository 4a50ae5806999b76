using Stillpoint.Cli;

ParentWatch.Start();
return await StillpointCommand.RunAsync(args);
