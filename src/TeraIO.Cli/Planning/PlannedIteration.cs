using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Cli.Planning;

/// <summary>A plan, the trace in the order that it is for, its machine, and its simulation with all transfers.</summary>
internal sealed record PlannedIteration(Trace Trace, MigrationPlan Plan, MachineModel Machine, SimulationResult Simulation);
