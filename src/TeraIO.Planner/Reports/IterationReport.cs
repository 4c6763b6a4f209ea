using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Reports;

/// <summary>All that a report of one planned iteration shows, reduced to what a page can draw. Immutable.</summary>
public sealed record IterationReport
{
    /// <summary>Columns of a chart over the iteration.</summary>
    private const int Columns = 1000;

    /// <summary>Buckets of rates and stalls.</summary>
    private const int Buckets = 400;

    private const int MostLifetimes = 40;

    private const int MostStalls = 20;

    private const int MostBands = 64;

    /// <summary>Header of the trace.</summary>
    public required TraceHeader Trace { get; init; }

    /// <summary>Ops of the trace.</summary>
    public required int OpCount { get; init; }

    /// <summary>Tensors of the trace.</summary>
    public required int TensorCount { get; init; }

    /// <summary>Name of the policy.</summary>
    public required string Policy { get; init; }

    /// <summary>Budget and tiers.</summary>
    public required MachineModel Machine { get; init; }

    /// <summary>What the simulator expects.</summary>
    public required SimulationResult Simulation { get; init; }

    /// <summary>Most bytes in memory when nothing leaves it.</summary>
    public required long UnlimitedPeakBytes { get; init; }

    /// <summary>Bytes in memory over the iteration.</summary>
    public required IReadOnlyList<SeriesPoint> MemoryWithPlan { get; init; }

    /// <summary>Bytes in memory at the same ops if nothing ever left it, on the plan's time axis.</summary>
    public required IReadOnlyList<SeriesPoint> MemoryWithoutPlan { get; init; }

    /// <summary>Forward, backward and update over time.</summary>
    public required IReadOnlyList<PhaseBand> Phases { get; init; }

    /// <summary>The largest tensors.</summary>
    public required IReadOnlyList<TensorRow> Lifetimes { get; init; }

    /// <summary>Every path and direction.</summary>
    public required IReadOnlyList<PathUtilisation> Paths { get; init; }

    /// <summary>Waiting by cause, and the longest waits.</summary>
    public required StallBreakdown Stalls { get; init; }

    /// <summary>Waiting over time.</summary>
    public required StallSeries StallsOverTime { get; init; }

    /// <summary>What no plan can beat; null when not computed.</summary>
    public BoundFigures? Bound { get; init; }

    /// <summary>Other policies on the same machine; may be empty.</summary>
    public IReadOnlyList<ComparisonRow> Comparison { get; init; } = [];

    /// <summary>Wear of the SSDs; null when not asked for.</summary>
    public EnduranceFigures? Endurance { get; init; }

    /// <summary>Names of tensors by number, for the waits that name one.</summary>
    public required IReadOnlyDictionary<int, string> TensorNames { get; init; }

    /// <summary>The report of a feasible simulation with its transfers.</summary>
    /// <exception cref="ArgumentException">The simulation is not feasible or not of this trace.</exception>
    public static IterationReport Of(Trace trace, MigrationPlan plan, SimulationResult simulation, MachineModel machine)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(simulation);
        ArgumentNullException.ThrowIfNull(machine);
        if (!simulation.Feasible) throw new ArgumentException($"There is nothing to report: {simulation.InfeasibleReason}", nameof(simulation));
        if (simulation.OpStart.Count != trace.Ops.Length)
            throw new ArgumentException($"The simulation has {simulation.OpStart.Count} ops, the trace {trace.Ops.Length}.", nameof(simulation));

        long[] without = TraceLifetimes.Of(trace).LiveBytes.ToArray();
        StallBreakdown stalls = StallBreakdown.Of(trace, simulation, MostStalls);
        return new IterationReport
        {
            Trace = trace.Header,
            OpCount = trace.Ops.Length,
            TensorCount = trace.Tensors.Length,
            Policy = plan.Policy,
            Machine = machine,
            Simulation = simulation,
            UnlimitedPeakBytes = without.Max(),
            MemoryWithPlan = Series(simulation, simulation.MemoryPerOp),
            MemoryWithoutPlan = Series(simulation, without),
            Phases = PhaseBand.Of(trace, simulation, MostBands),
            Lifetimes = LifetimeChart.Of(trace, plan, simulation, MostLifetimes),
            Paths = PathUtilisation.Of(simulation, machine, Buckets),
            Stalls = stalls,
            StallsOverTime = StallSeries.Of(simulation, Buckets),
            TensorNames = NamesOf(trace, stalls),
        };
    }

    private static IReadOnlyList<SeriesPoint> Series(SimulationResult simulation, IReadOnlyList<long> perOp)
    {
        var points = new SeriesPoint[perOp.Count];
        for (int op = 0; op < points.Length; op++) points[op] = new SeriesPoint(simulation.OpStart[op], perOp[op]);
        return StepSeries.Reduce(points, simulation.StepSeconds, Columns);
    }

    private static Dictionary<int, string> NamesOf(Trace trace, StallBreakdown stalls)
    {
        var names = new Dictionary<int, string>();
        foreach (StalledOp stall in stalls.Longest)
            if (stall.WaitedFor is { } tensor) names[tensor] = Figures.Name(trace.Tensors[tensor], tensor);
        return names;
    }
}
