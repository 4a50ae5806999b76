return await Stillpoint.Cli.StillpointCommand.RunAsync(args);
