using TeraIO.Core.Plans;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Planning;

/// <summary>A plan that was simulated.</summary>
/// <param name="Plan">The plan.</param>
/// <param name="Simulation">What the simulator makes of it.</param>
/// <param name="Score">Less is better.</param>
/// <param name="Selection">What is away by it; null when the plan came from elsewhere.</param>
/// <param name="LeadScale">How early its prefetches are, in multiples of the latest safe lead.</param>
/// <param name="Issue">For each period, how many ops after its start its prefetch is issued; those that are not selected have 0.</param>
/// <param name="OnHost">For each version whether it waits in host memory.</param>
internal sealed record Candidate(
    MigrationPlan Plan, SimulationResult Simulation, double Score, PeriodSelection? Selection = null, double LeadScale = 0, int[]? Issue = null, bool[]? OnHost = null);
