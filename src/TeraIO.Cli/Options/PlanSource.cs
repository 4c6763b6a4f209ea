using System.CommandLine;
using TeraIO.Cli.Output;
using TeraIO.Cli.Planning;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;

namespace TeraIO.Cli.Options;

/// <summary>A plan from a file, or made on the spot.</summary>
internal sealed class PlanSource
{
    private readonly Option<string?> _plan = new("--plan", "-p") { Description = "Plan file (default: plan now with --policy)", HelpName = "FILE" };
    private readonly Option<IMigrationPolicy?> _policy;

    public PlanSource(Command command)
    {
        command.Add(_plan);
        _policy = PolicyOptions.One(command);
    }

    /// <summary>Whether a plan file was named.</summary>
    public bool HasFile(ParseResult parsed) => parsed.GetValue(_plan) is not null;

    /// <summary>Reads or makes the plan and simulates it.</summary>
    public PlannedIteration Read(CommandConsole console, bool quiet, ParseResult parsed, Trace trace, MachineOptions machine, CancellationToken cancellation)
    {
        long peak = TraceLifetimes.Of(trace).PeakBytes;
        if (parsed.GetValue(_plan) is { } path)
        {
            if (parsed.GetValue(_policy) is not null) throw new UsageException("--plan and --policy contradict each other: the plan is made already; leave one out.");
            (MigrationPlan plan, Trace ordered) = InputFiles.ReadPlan(path, trace);
            MachineModel ofPlan = machine.One(parsed, peak, plan.MemoryBudget);
            return new PlannedIteration(ordered, plan, ofPlan, Simulations.WithTransfers(ordered, plan, ofPlan));
        }

        MachineModel model = machine.One(parsed, peak);
        IMigrationPolicy policy = parsed.GetValue(_policy) ?? Policies.Named(PolicyOptions.Default);
        PolicyResult result = LongWork.Run(console, quiet, $"planning ({policy.Name})", progress => Simulations.Plan(policy, trace, model, progress, cancellation));
        Trace planned = PlannedTrace.Of(result.Plan, trace);
        return new PlannedIteration(planned, result.Plan, model, Simulations.WithTransfers(planned, result.Plan, model));
    }
}
