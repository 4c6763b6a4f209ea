using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Inspection;

/// <summary>What is looked at.</summary>
internal sealed record InspectedTrace(Trace Trace, MigrationPlan? Plan, MachineModel? Machine, PlanExplainer Explainer);
