using System.Text.Json;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Reports;
using TeraIO.Planner.Simulation;

namespace TeraIO.Cli.Output;

/// <summary>A plan and its simulation in figures, for people and for programs.</summary>
internal sealed record PlanSummary
{
    public required string Policy { get; init; }
    public required string Trace { get; init; }
    public required int Ops { get; init; }
    public required int Tensors { get; init; }
    public required long BudgetBytes { get; init; }
    public required long UnlimitedPeakBytes { get; init; }
    public required double ReadBandwidth { get; init; }
    public required double WriteBandwidth { get; init; }
    public required int Offloads { get; init; }
    public required int Prefetches { get; init; }
    public required int CleanDrops { get; init; }
    public required int Recomputations { get; init; }
    public required double StepSeconds { get; init; }
    public required double IdealSeconds { get; init; }
    public required double StallSeconds { get; init; }
    public required IReadOnlyDictionary<string, double> StallSecondsByCause { get; init; }
    public required long PeakBytes { get; init; }
    public required long BytesRead { get; init; }
    public required long BytesWritten { get; init; }
    public required long HostBytesRead { get; init; }
    public required long HostBytesWritten { get; init; }
    public required int UnplannedMigrations { get; init; }
    public double? BytesWrittenPerToken { get; init; }
    public string? File { get; init; }

    public static PlanSummary Of(Trace trace, MigrationPlan plan, SimulationResult simulation, MachineModel machine, string? file = null) => new()
    {
        Policy = plan.Policy,
        Trace = trace.Header.Name,
        Ops = trace.Ops.Length,
        Tensors = trace.Tensors.Length,
        BudgetBytes = machine.MemoryBudget,
        UnlimitedPeakBytes = TraceLifetimes.Of(trace).PeakBytes,
        ReadBandwidth = machine.Storage.ReadBandwidth,
        WriteBandwidth = machine.Storage.WriteBandwidth,
        Offloads = plan.Migrations.Count(static m => m.Kind == MigrationKind.Offload),
        Prefetches = plan.Migrations.Count(static m => m.Kind == MigrationKind.Prefetch),
        CleanDrops = plan.Migrations.Count(static m => m.Kind == MigrationKind.Offload && !m.Writes),
        Recomputations = plan.Migrations.Count(static m => m.Kind == MigrationKind.Recompute),
        StepSeconds = simulation.StepSeconds,
        IdealSeconds = trace.IdealSeconds,
        StallSeconds = simulation.StallSeconds,
        StallSecondsByCause = StallBreakdown.Of(trace, simulation, 0).SecondsByCause.ToDictionary(static p => JsonNamingPolicy.CamelCase.ConvertName(p.Key.ToString()), static p => p.Value),
        PeakBytes = simulation.PeakBytes,
        BytesRead = simulation.BytesRead,
        BytesWritten = simulation.BytesWritten,
        HostBytesRead = simulation.HostBytesRead,
        HostBytesWritten = simulation.HostBytesWritten,
        UnplannedMigrations = simulation.UnplannedMigrations,
        BytesWrittenPerToken = trace.Header.Tokens > 0 ? simulation.BytesWritten / (double)trace.Header.Tokens : null,
        File = file,
    };

    public void Print(CommandConsole console, StallBreakdown stalls)
    {
        bool host = HostBytesRead > 0 || HostBytesWritten > 0;
        console.Write(Tables.Facts(
            ("trace", $"{Trace} ({Figures.Count(Ops)} ops, {Figures.Count(Tensors)} tensors)"),
            ("policy", Policy),
            ("budget", $"{Figures.Bytes(BudgetBytes)} ({Figures.Percent(BudgetBytes / (double)UnlimitedPeakBytes)} of the unlimited peak {Figures.Bytes(UnlimitedPeakBytes)})"),
            ("plan", Migrations()),
            ("step", $"{Figures.Seconds(StepSeconds)}, {Figures.Percent(StepSeconds > 0 ? IdealSeconds / StepSeconds : 1)} of the unlimited speed ({Figures.Seconds(IdealSeconds)})"),
            ("stall", StallSeconds > 0 ? $"{Figures.Seconds(StallSeconds)} in {Figures.Count(stalls.StalledOps)} ops: {string.Join(", ", stalls.SecondsByCause.Select(static p => $"{Figures.Cause(p.Key)} {Figures.Seconds(p.Value)}"))}" : "none"),
            ("peak", Figures.Bytes(PeakBytes)),
            ("SSD read", Figures.Bytes(BytesRead)),
            ("SSD written", Figures.Bytes(BytesWritten) + (BytesWrittenPerToken is { } perToken ? $" ({Figures.Bytes(perToken)} per token)" : "")),
            ("host in, out", host ? $"{Figures.Bytes(HostBytesRead)}, {Figures.Bytes(HostBytesWritten)}" : null),
            ("on demand", UnplannedMigrations > 0 ? $"{Figures.Count(UnplannedMigrations)} transfers that the plan did not provide" : null),
            ("file", File)));
    }

    private string Migrations()
    {
        if (Offloads + Prefetches + Recomputations == 0) return "moves nothing ahead of time";
        string text = $"{Figures.Count(Offloads)} offloads";
        if (CleanDrops > 0) text += $" ({Figures.Count(CleanDrops)} of them clean: dropped without a write)";
        text += $", {Figures.Count(Prefetches)} prefetches";
        return Recomputations > 0 ? text + $", {Figures.Count(Recomputations)} recomputations" : text;
    }
}
