using System.Globalization;
using Spectre.Console;
using TeraIO.Cli.Output;
using TeraIO.Cli.Planning;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Reports;
using TeraIO.Planner.Simulation;

namespace TeraIO.Cli.Inspection;

/// <summary>What happens around an op: the ops, what they use, what the plan moves between them, and, with a machine, when.</summary>
internal sealed record OpView(int Op, IReadOnlyList<OpLine> Ops) : IInspectionView
{
    public static OpView Of(InspectedTrace subject, int op, int around)
    {
        Trace trace = subject.Trace;
        SimulationResult? simulation = subject is { Plan: { } plan, Machine: { } machine } ? Simulations.WithTransfers(trace, plan, machine) : null;
        int first = Math.Max(0, op - around);
        int last = Math.Min(trace.Ops.Length - 1, op + around);
        var lines = new List<OpLine>();
        for (int i = first; i <= last; i++) lines.Add(Line(subject, simulation, i));
        return new OpView(op, lines);
    }

    public void Print(CommandConsole console)
    {
        foreach (OpLine line in Ops)
        {
            foreach (MigrationLine migration in line.Before) console.Out.WriteLine($"      {migration.Text}");
            string module = line.Module is { } name ? $" ({name})" : "";
            string when = line.StartSeconds is { } start ? $", at {Figures.Seconds(start)}" : "";
            console.Out.WriteLine($"{(line.Op == Op ? "> " : "  ")}op {line.Op} {line.Name}{module}: {Figures.Seconds(line.Seconds)}, {line.Phase.ToString().ToLowerInvariant()}{when}, {Memory(line)}");
            if (line.StallSeconds > 0) console.Out.WriteLine($"      waited {Figures.Seconds(line.StallSeconds.Value)}: {Figures.Cause(line.StallCause!.Value)}");
            if (line.Op == Op) PrintAccesses(console, line);
            foreach (MigrationLine migration in line.After) console.Out.WriteLine($"      {migration.Text}");
        }
    }

    private static string Memory(OpLine line) => line.MemoryBytes is { } planned
        ? $"{Figures.Bytes(planned)} in memory ({Figures.Bytes(line.UnlimitedBytes)} unlimited)"
        : $"{Figures.Bytes(line.UnlimitedBytes)} in memory when unlimited";

    private static void PrintAccesses(CommandConsole console, OpLine line)
    {
        Table table = Tables.New("tensor", "<name", "<kind", "bytes", "<access");
        foreach (AccessLine access in line.Accesses)
            Tables.Row(table, access.Tensor.ToString(CultureInfo.InvariantCulture), Tables.Short(access.Name, 32), Figures.Kind(access.Kind), Figures.Bytes(access.Bytes), access.Access);
        if (line.Accesses.Count > 0) console.Write(new Padder(table, new Padding(5, 0, 0, 0)));
    }

    private static OpLine Line(InspectedTrace subject, SimulationResult? simulation, int op)
    {
        Trace trace = subject.Trace;
        ref readonly TraceOp description = ref trace.Ops[op];
        var accesses = new List<AccessLine>();
        foreach (ref readonly TraceAccess access in trace.AccessesOf(op))
        {
            TraceTensor tensor = trace.Tensors[access.Tensor];
            accesses.Add(new AccessLine(access.Tensor, Figures.Name(tensor, access.Tensor), tensor.Kind, tensor.Bytes, AccessWords.Of(access.Kind)));
        }

        IEnumerable<PlannedMigration> own = subject.Plan?.Migrations.Where(m => m.IssueOp == op) ?? [];
        MigrationLine[] migrations = [.. own.Select(m => MigrationLine.Of(trace, m))];
        return new OpLine(
            op,
            description.Name,
            description.Module,
            description.Phase,
            description.Seconds,
            subject.Explainer.Lifetimes.LiveBytes[op],
            simulation?.MemoryPerOp[op],
            simulation?.OpStart[op],
            simulation?.StallPerOp[op],
            simulation?.StallCausePerOp[op],
            accesses,
            [.. migrations.Where(static m => m.Kind is MigrationKind.Prefetch or MigrationKind.Recompute)],
            [.. migrations.Where(static m => m.Kind is MigrationKind.Offload or MigrationKind.Discard)]);
    }
}

/// <summary>One op of the neighbourhood.</summary>
internal sealed record OpLine(
    int Op,
    string Name,
    string? Module,
    OpPhase Phase,
    double Seconds,
    long UnlimitedBytes,
    long? MemoryBytes,
    double? StartSeconds,
    double? StallSeconds,
    StallCause? StallCause,
    IReadOnlyList<AccessLine> Accesses,
    IReadOnlyList<MigrationLine> Before,
    IReadOnlyList<MigrationLine> After);

/// <summary>One tensor that an op uses.</summary>
internal sealed record AccessLine(int Tensor, string Name, TensorKind Kind, long Bytes, string Access);

/// <summary>One planned migration, with a sentence that says it.</summary>
internal sealed record MigrationLine(MigrationKind Kind, int Tensor, string Name, long Bytes, MemoryTier Tier, bool Writes, int IssueOp, int DeadlineOp, string Text)
{
    public static MigrationLine Of(Trace trace, PlannedMigration migration)
    {
        TraceTensor tensor = trace.Tensors[migration.Tensor];
        string name = Figures.Name(tensor, migration.Tensor);
        string part = migration.Bytes < tensor.Bytes ? $"{Figures.Bytes(migration.Bytes)} of {name}" : $"{name} ({Figures.Bytes(migration.Bytes)})";
        string tier = migration.Tier == MemoryTier.Ssd ? "SSD" : "host memory";
        string next = migration.DeadlineOp <= migration.IssueOp ? " of the next iteration" : "";
        string text = migration.Kind switch
        {
            MigrationKind.Prefetch => $"< prefetch {part} from {tier}, needed by op {migration.DeadlineOp}{(migration.DeadlineOp < migration.IssueOp ? " of the next iteration" : "")}",
            MigrationKind.Recompute => $"< recompute {part}, needed by op {migration.DeadlineOp}",
            MigrationKind.Discard => $"> discard {part}, recomputed later",
            _ when !migration.Writes => $"> drop {part}: {tier} holds the same bytes",
            _ => $"> offload {part} to {tier}, its room needed by op {migration.DeadlineOp}{next}",
        };
        return new MigrationLine(migration.Kind, migration.Tensor, name, migration.Bytes, migration.Tier, migration.Writes, migration.IssueOp, migration.DeadlineOp, text);
    }
}
