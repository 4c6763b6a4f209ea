using TeraIO.Bounds.Linear;
using TeraIO.Core;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;
using TeraIO.Planner.Simulation;
using Stopwatch = System.Diagnostics.Stopwatch;

namespace TeraIO.Bounds.Exact;

/// <summary>
/// The best whole-tensor plan for a small instance, as an integer program: what a planner is measured against. It leaves out latency, queue depth and
/// the order of queued transfers, all of which only cost time, so <see cref="ExactPlanResult.BoundSeconds"/> is a lower bound for whole-tensor plans; the
/// simulated time of the plan is what its schedule comes to with them. Thread-safe.
/// </summary>
public static class ExactPlan
{
    /// <summary>Solves an instance.</summary>
    /// <exception cref="ConfigurationException">The machine is not usable or has a host tier, or the instance is too large.</exception>
    public static ExactPlanResult Solve(Trace trace, MachineModel machine, ExactPlanOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(machine);
        options ??= new ExactPlanOptions();
        MachineCheck.Validate(machine);
        if (machine.Host is not null) throw new ConfigurationException("The exact plan is for one tier: leave the host tier out.");
        var clock = Stopwatch.StartNew();
        var demand = new MemoryDemand(trace);
        if (demand.WhyInfeasible(trace, machine.MemoryBudget) is { } reason) return new ExactPlanResult { Feasible = false, Reason = reason };
        long[] excess = demand.Excess(machine.MemoryBudget);
        if (WholeTensorProgram.CountDecisions(trace, excess) is var decisions && decisions > options.MaxBinaries)
            throw new ConfigurationException($"The exact plan of this trace has {decisions} decisions; it is for small instances, of {options.MaxBinaries} at most.");
        var program = new WholeTensorProgram(trace, machine, excess);
        LinearSolution solution = program.Solve(options.TimeLimit);
        bool isOptimal = solution.Status == "OPTIMAL";
        double bound = double.IsFinite(solution.Bound) ? Math.Max(solution.Bound, trace.IdealSeconds) : trace.IdealSeconds;
        // A solver that was stopped early may know less than the chunked program.
        if (!isOptimal) bound = Math.Max(bound, LowerBound.Compute(trace, machine).StepSeconds);
        var result = new ExactPlanResult
        {
            Feasible = true,
            Binaries = program.Binaries,
            BoundSeconds = bound,
            IsOptimal = isOptimal,
            SolveSeconds = clock.Elapsed.TotalSeconds,
        };
        if (solution.Values.Length == 0) return result with { Reason = $"The solver found no plan within {options.TimeLimit.TotalSeconds:0.#} s ({solution.Status})." };
        return result with { ModelSeconds = program.SecondsOf(solution), Plan = Best(trace, machine, program, solution), SolveSeconds = clock.Elapsed.TotalSeconds };
    }

    /// <summary>Yes-or-no decisions that an instance has; 0 when everything fits, or when nothing does.</summary>
    public static int CountDecisions(Trace trace, MachineModel machine)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(machine);
        var demand = new MemoryDemand(trace);
        return demand.WhyInfeasible(trace, machine.MemoryBudget) is null ? WholeTensorProgram.CountDecisions(trace, demand.Excess(machine.MemoryBudget)) : 0;
    }

    /// <summary>
    /// The schedule as a plan. The engine's queues order transfers in their own way, so prefetches are tried at the op where the schedule reads first,
    /// where it takes the memory, and one op ahead; the best in the simulator counts.
    /// </summary>
    private static PolicyResult Best(Trace trace, MachineModel machine, WholeTensorProgram program, LinearSolution solution)
    {
        var context = new SimulationContext(trace);
        PolicyResult? best = null;
        foreach (PrefetchPoint point in Enum.GetValues<PrefetchPoint>())
        {
            MigrationPlan plan = ScheduleReader.Read(trace, machine, program, solution, point);
            SimulationResult simulation = Simulator.Run(context, plan, machine, new SimulationOptions { MostIterations = 30 });
            if (best is null || (simulation.Feasible && simulation.StepSeconds < best.Simulation.StepSeconds))
                best = new PolicyResult(plan with { PredictedStepSeconds = simulation.StepSeconds }, simulation);
        }

        return best!;
    }
}
