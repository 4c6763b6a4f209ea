using TeraIO.Core.Plans;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Cli.Planning;

/// <summary>A plan, its machine, and its simulation with all transfers.</summary>
internal sealed record PlannedIteration(MigrationPlan Plan, MachineModel Machine, SimulationResult Simulation);
