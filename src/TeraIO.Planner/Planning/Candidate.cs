using TeraIO.Core.Plans;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Planning;

/// <summary>A plan that was simulated.</summary>
/// <param name="Plan">The plan.</param>
/// <param name="Simulation">What the simulator makes of it.</param>
/// <param name="Score">Less is better.</param>
/// <param name="Selection">What is away by it; null when the plan came from elsewhere.</param>
/// <param name="LeadScale">How early its prefetches are, in multiples of the latest safe lead.</param>
/// <param name="OnHost">For each version whether it waits in host memory.</param>
internal sealed record Candidate(
    MigrationPlan Plan, SimulationResult Simulation, double Score, PeriodSelection? Selection = null, double LeadScale = 0, bool[]? OnHost = null);
