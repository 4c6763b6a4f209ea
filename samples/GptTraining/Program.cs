using System.Runtime.InteropServices;
using Spectre.Console;
using TeraIO.Core;
using TeraIO.Distributed;

namespace TeraIO.Samples.GptTraining;

/// <summary>Exit codes: 0 done, 1 failed, 2 unusable arguments, 130 stopped by a signal after a whole step.</summary>
internal static class Program
{
    private const int Failed = 1;
    private const int BadArguments = 2;

    private static int Main(string[] args)
    {
        var commandLine = new CommandLine();
        var parsed = commandLine.Root.Parse(args);
        if (parsed.Errors.Count == 0 && parsed.Action is not null)
            return parsed.Invoke(); // --help, --version
        RunOptions options;
        try
        {
            options = commandLine.Read(parsed);
        }
        catch (ConfigurationException e)
        {
            return Complain(e.Message, BadArguments);
        }
        ICommunicator ranks = new SingleProcess();
        try
        {
            if (options.DataParallel)
                ranks = Communicator.Join();
            var exitCode = Run(options, args, ranks);
            ranks.Leave();
            return exitCode;
        }
        catch (TeraIOException e)
        {
            return Complain(e.Message, Failed, ranks);
        }
        catch (ExternalException e)
        {
            return Complain($"libtorch: {e.Message}", Failed, ranks);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Complain(e.Message, Failed, ranks);
        }
    }

    private static int Run(RunOptions options, string[] args, ICommunicator ranks)
    {
        // mpirun gives its ranks a terminal, whatever it does with what they write there.
        using var progress = ranks.Rank == 0 ? new StepProgress(AnsiConsole.Console, Console.IsOutputRedirected || ranks.Size > 1) : StepProgress.Silent();
        if (options.Compare)
            return new Comparison(options, args, progress, AnsiConsole.Console).Run();
        var peak = options.UnlimitedPeak;
        var needsPeak = options.Budget is { Share: not null } || (options.Study is not null && options.StudyBudgets.Any(b => b.Share is not null));
        if (needsPeak && peak is null)
        {
            progress.Say("Measuring the unlimited peak that the percentage refers to: two steps without a limit (give --unlimited-peak to skip this).");
            var (report, exitCode) = ChildRun.Run(UnlimitedProbe(args), _ => { });
            if (report is null)
                return exitCode;
            peak = new ByteSize(report.PeakLiveBytes!.Value);
            progress.Say($"The unlimited peak is {peak}.");
        }
        if (options.Study is null)
            return new TrainingRun(options, progress, ranks).Run(peak);
        using var traffic = options.StudySameTraffic ? new SameTraffic(options.StorePaths[0]) : null;
        var study = new PolicyStudy(options.StudyBudgets, options.Study, options.StudyMeasured, options.StudyRounds, options.StudyImproving, peak ?? ByteSize.Zero, traffic);
        var studied = options with { Steps = study.Steps, WarmUpSteps = Math.Max(1, study.Steps / 10), Budget = new BudgetChoice(study.FirstBudget, null), Policy = "on-demand-lru" };
        var exit = new TrainingRun(studied, progress, ranks, study).Run(peak);
        foreach (var line in study.Table())
            progress.Say(line);
        return exit;
    }

    /// <summary>Two steps reach the peak: the first allocates what the optimizer keeps, the second runs with it.</summary>
    private static IReadOnlyList<string> UnlimitedProbe(string[] args)
    {
        var arguments = new List<string>();
        for (var i = 0; i < args.Length; i++)
        {
            var name = args[i].Split('=', ':')[0];
            if (name is "--steps" or "--resume")
                i += name == args[i] ? 1 : 0;
            else
                arguments.Add(args[i]);
        }
        return ChildRun.Arguments(arguments, "--no-offload", "--steps", "2");
    }

    private static int Complain(string message, int exitCode, ICommunicator? ranks = null)
    {
        var where = ranks is { Size: > 1 } ? $"rank {ranks.Rank}: " : "";
        // One line, so that scripts can show it.
        Console.Error.WriteLine($"error: {where}{message.ReplaceLineEndings(" ")}");
        // Not to leave: the other ranks may wait for this one for good.
        ranks?.Abort(exitCode);
        return exitCode;
    }
}
