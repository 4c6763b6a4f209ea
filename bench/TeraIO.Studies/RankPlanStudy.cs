using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Planning;
using TeraIO.Planner.Ranks;

namespace TeraIO.Studies;

/// <summary>Simulated: 1 to 8 equal ranks on one path, by strategy.</summary>
internal static class RankPlanStudy
{
    private const int MostRanks = 8;
    private const int Ssds = 4;

    /// <summary>Other policies' plans would compete for every rank and margin; the study compares shares and moments, not policies.</summary>
    private static readonly PlannerOptions _planner = new() { TryOtherPolicies = false };

    public static void Print()
    {
        Training training = Training.GptXl;
        Trace trace = training.Trace;
        Console.WriteLine("## Plans for ranks, simulated");
        Console.WriteLine();
        Markdown.Line($"{training.Parameters}: {trace.Ops.Length} ops. 1 to {MostRanks} such ranks on one path; % of the speed with unlimited memory, of the slowest rank. No GPU was used.");
        MachineModel machine = training.Server(Ssds).Machine;
        foreach (bool isSynchronous in (bool[])[true, false])
        {
            Console.WriteLine();
            Markdown.Line($"{machine.Storage.ReadBandwidth / 1e9:0} GB/s per direction for all, {(isSynchronous ? "synchronous ranks" : "ranks that run freely")}:");
            Console.WriteLine();
            PrintTable(trace, machine, isSynchronous);
        }
    }

    private static void PrintTable(Trace trace, MachineModel machine, bool isSynchronous)
    {
        RankStrategy[] strategies = [.. Enum.GetValues<RankStrategy>().Where(s => !isSynchronous || s != RankStrategy.Staggered)];
        Markdown.Header(1, ["ranks", .. strategies.Select(Name)]);
        for (int ranks = 1; ranks <= MostRanks; ranks *= 2)
        {
            Trace[] traces = [.. Enumerable.Repeat(trace, ranks)];
            var options = new RankOptions { IsSynchronous = isSynchronous };
            Markdown.Row([
                $"{ranks}",
                .. strategies.Select(strategy => Markdown.Percent(
                    RankSimulator.Run(RankPlanner.Plan(traces, machine, strategy, _planner), machine, options).Min(static result => result.ShareOfIdeal))),
            ]);
        }
    }

    private static string Name(RankStrategy strategy) => strategy switch
    {
        RankStrategy.NoControl => "no control",
        RankStrategy.EqualShares => "equal shares",
        RankStrategy.OffsetIssue => "offset issue",
        _ => "staggered",
    };
}
