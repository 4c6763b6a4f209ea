using System.CommandLine;
using Spectre.Console;
using TeraIO.Cli.Options;
using TeraIO.Cli.Output;
using TeraIO.Cli.Planning;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Commands;

/// <summary><c>teraio compare</c>: policies x budgets x bandwidths.</summary>
internal static class CompareCommand
{
    public static Command Create(CommandConsole console, Option<bool> quiet)
    {
        var command = new Command("compare", "Plans with several policies, budgets and bandwidths, and shows them side by side.");
        var trace = new TraceOption(command);
        var machine = new MachineOptions(command, many: true);
        Option<IMigrationPolicy[]?> policies = PolicyOptions.Many(command, "Policies to compare (default: all): " + string.Join(", ", Policies.All.Select(static p => p.Name)), none: false);
        var noBounds = new Option<bool>("--no-bounds") { Description = "Skip the lower bound, which takes up to 20 s per budget and bandwidth" };
        command.Add(noBounds);
        Option<bool> json = JsonOutput.Option(command);
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), cancellation));
        HelpWithExamples.Add(
            command,
            "teraio compare --trace gpt2.trace.json --budget 40% --policies planned,on-demand-lru --read-bw 3.2GB/s --write-bw 2.1GB/s --json",
            "teraio compare -t llama.trace.json --budget 60%,40%,30% --read-bw 3.2GB/s,12.8GB/s --write-bw 2.1GB/s,8.4GB/s",
            "teraio compare -t llama.trace.json --budget 24GiB --read-bw 6.4GB/s --write-bw 4GB/s --host-bytes 64GiB --host-bw 20GB/s");
        return command;

        int Run(ParseResult parsed, CancellationToken cancellation)
        {
            Trace iteration = trace.Read(parsed);
            MachineModel[] models = machine.All(parsed, TraceLifetimes.Of(iteration).PeakBytes);
            IReadOnlyList<IMigrationPolicy> chosen = PolicyOptions.Chosen(parsed, policies);
            List<ComparisonRow> rows = LongWork.Run(
                console, parsed.GetValue(quiet), "comparing", progress => PolicyComparison.Run(iteration, models, chosen, !parsed.GetValue(noBounds), progress, cancellation));
            if (parsed.GetValue(json)) JsonOutput.Write(console, rows);
            else Print(console, iteration, models, rows);
            if (rows.Any(static r => r.Feasible)) return ExitCodes.Success;
            throw new InfeasibleBudgetException(rows[0].InfeasibleReason ?? "The budget is too small for an op.");
        }
    }

    private static void Print(CommandConsole console, Trace trace, MachineModel[] models, List<ComparisonRow> rows)
    {
        console.Out.WriteLine($"{trace.Header.Name}: {Figures.Seconds(trace.IdealSeconds)} and {Figures.Bytes(TraceLifetimes.Of(trace).PeakBytes)} with unlimited memory");
        int perModel = rows.Count / models.Length;
        for (int i = 0; i < models.Length; i++)
        {
            console.Out.WriteLine();
            console.Write(Table(models[i], rows.GetRange(i * perModel, perModel)));
            foreach (string reason in rows.GetRange(i * perModel, perModel).Select(static r => r.InfeasibleReason).OfType<string>().Distinct()) console.Out.WriteLine("  " + reason);
        }
    }

    private static Rows Table(MachineModel machine, List<ComparisonRow> rows)
    {
        bool host = machine.Host is not null;
        string title = $"{Figures.Bytes(machine.MemoryBudget)} ({Figures.Percent(rows[0].BudgetShare)}), SSD {Figures.Rate(machine.Storage.ReadBandwidth)} read, {Figures.Rate(machine.Storage.WriteBandwidth)} write"
            + (machine.Host is { } tier ? $", host {Figures.Bytes(tier.Capacity)}" : "");
        string[] headings = ["<policy", "speed", "step", "stall", "peak", "read", "written", .. host ? (string[])["host in", "host out"] : [], "over bound"];
        Spectre.Console.Table table = Tables.New(headings);
        foreach (ComparisonRow row in rows)
        {
            Tables.Row(
                table,
                [
                    row.Policy,
                    row.Feasible ? Tables.Optional(row.ShareOfIdeal, Figures.Percent) : "no room",
                    Tables.Optional(row.StepSeconds, Figures.Seconds),
                    Tables.Optional(row.StallSeconds, Figures.Seconds),
                    Tables.Bytes(row.PeakBytes),
                    Tables.Bytes(row.BytesRead),
                    Tables.Bytes(row.BytesWritten),
                    .. host ? (string[])[Tables.Bytes(row.HostBytesRead), Tables.Bytes(row.HostBytesWritten)] : [],
                    Tables.Optional(row.GapToBound, Figures.Percent),
                ]);
        }

        return Tables.Titled(title, table);
    }
}
