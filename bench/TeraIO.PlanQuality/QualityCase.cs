using TeraIO.Bounds;
using TeraIO.Bounds.Exact;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Simulation;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.PlanQuality;

/// <summary>One random trace on one random machine, with what every policy makes of it, the bound, and the exact plan where it is small enough.</summary>
public sealed class QualityCase
{
    /// <summary>The policy that is measured.</summary>
    public const string Measured = "planned";

    private QualityCase(int seed, Trace trace, MachineModel machine)
    {
        Seed = seed;
        Trace = trace;
        Machine = machine;
        long smallest = Footprint.SmallestBudget(trace), peak = Footprint.Peak(trace);
        Tightness = peak > smallest ? (double)(machine.MemoryBudget - smallest) / (peak - smallest) : 1;
        Bound = LowerBound.Compute(trace, machine);
        Simulations = Policies.All.Where(static policy => policy.Name != "unlimited")
            .ToDictionary(static policy => policy.Name, policy => policy.Plan(trace, machine).Simulation);
    }

    public int Seed { get; }

    public Trace Trace { get; }

    public MachineModel Machine { get; }

    /// <summary>Where the budget lies between the smallest that works (0) and the peak (1).</summary>
    public double Tightness { get; }

    public LowerBoundResult Bound { get; }

    public IReadOnlyDictionary<string, SimulationResult> Simulations { get; }

    public SimulationResult Planned => Simulations[Measured];

    /// <summary>The exact plan; null when the case is too large or has nothing to plan.</summary>
    public ExactPlanResult? Exact { get; private set; }

    /// <summary>The measured policy on the exact plan's machine, which has no host tier.</summary>
    public SimulationResult? PlannedBesideExact { get; private set; }

    /// <summary>The fastest policy that is none of the planner's own; null when none is feasible.</summary>
    public (string Name, double Seconds)? BestBaseline
    {
        get
        {
            (string Name, double Seconds)? best = null;
            foreach ((string name, SimulationResult simulation) in Simulations)
            {
                if (name.StartsWith(Measured, StringComparison.Ordinal) || !simulation.Feasible || (best is { } b && b.Seconds <= simulation.StepSeconds)) continue;
                best = (name, simulation.StepSeconds);
            }

            return best;
        }
    }

    /// <summary>Over the lower bound; null where the simulation did not come to a steady iteration, whose time the bound is for.</summary>
    public double? OverBound => OverBoundOf(Planned);

    public double? OverBaseline => BestBaseline is { } best ? Planned.Feasible ? Planned.StepSeconds / best.Seconds : double.PositiveInfinity : null;

    /// <summary>Over what no whole-tensor plan can beat, proven by the exact plan's program; null where there is none, or no steady iteration.</summary>
    public double? OverExact => Exact is { } exact && PlannedBesideExact is { Feasible: true, IsSteady: true } planned ? planned.StepSeconds / exact.BoundSeconds : null;

    /// <summary>Over the exact plan's own simulated time: below 1 where the planner finds an order of transfers that serves the queues better.</summary>
    public double? OverExactPlan => Exact?.Plan is { Simulation.Feasible: true } plan && PlannedBesideExact is { Feasible: true } planned
        ? planned.StepSeconds / plan.Simulation.StepSeconds
        : null;

    /// <summary>A simulation over the lower bound; null where it is not feasible or not steady.</summary>
    public double? OverBoundOf(SimulationResult simulation) => simulation is { Feasible: true, IsSteady: true } ? simulation.StepSeconds / Bound.StepSeconds : null;

    /// <summary>Makes the case of a seed: three in four are training, one in four is arbitrary.</summary>
    /// <param name="seed">Of trace and machine.</param>
    /// <param name="exact">For the exact plan; null to leave it out.</param>
    public static QualityCase Run(int seed, ExactPlanOptions? exact)
    {
        Trace trace = seed % 4 == 3 ? RandomTraces.Arbitrary(seed) : RandomTraces.Training(seed);
        var result = new QualityCase(seed, trace, RandomTraces.Machine(seed, trace));
        if (exact is not null && result.Bound.Feasible && result.Bound.SmallestBudget < Footprint.Peak(trace)) result.SolveExactly(exact);
        return result;
    }

    private void SolveExactly(ExactPlanOptions options)
    {
        MachineModel machine = Machine with { Host = null };
        if (ExactPlan.CountDecisions(Trace, machine) is var decisions && (decisions == 0 || decisions > options.MaxBinaries)) return;
        ExactPlanResult exact = ExactPlan.Solve(Trace, machine, options);
        Exact = exact;
        PlannedBesideExact = Machine.Host is null ? Planned : Policies.Named(Measured).Plan(Trace, machine).Simulation;
    }
}
