using System.Diagnostics;
using TeraIO.Core.Plans;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;
using Trace = TeraIO.Core.Tracing.Trace;

namespace TeraIO.Planner.Planning;

/// <summary>
/// One search for the best plan: a portfolio of constructions, each simulated; again against the stretched clock of the best one; then local search.
/// Used once, by one thread.
/// </summary>
internal sealed class PlanSearch
{
    private const int FewestPlans = 12;
    private const int MostPlans = 2_000;

    /// <summary>Iterations that a simulation takes about until it is steady.</summary>
    private const int IterationsPerPlan = 3;

    /// <summary>Part of the effort that constructions may use.</summary>
    private const double ConstructionShare = 0.7;

    private readonly PlannerOptions _options;
    private readonly PlanningProblem _problem;
    private readonly PlanScoring _scoring;
    private readonly IProgress<double>? _progress;
    private readonly CancellationToken _cancellation;
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly int _mostPlans;
    private readonly HostUse[] _hostUses;
    private int _plans;

    public PlanSearch(Trace trace, MachineModel machine, PlannerOptions options, IProgress<double>? progress, CancellationToken cancellation)
    {
        _options = options;
        _problem = new PlanningProblem(trace, TraceLifetimes.Of(trace), options.UseHost ? machine : machine with { Host = null });
        _scoring = new PlanScoring(trace, _problem.Machine, options);
        _progress = progress;
        _cancellation = cancellation;
        _mostPlans = (int)Math.Clamp(options.EffortMegaOps * 1e6 / (IterationsPerPlan * (double)trace.Ops.Length), FewestPlans, MostPlans);
        _hostUses = _problem.Machine.Host is null ? [HostUse.None] : [HostUse.ByTraffic, HostUse.Alternating];
        Best = _scoring.Score(MigrationPlan.OnDemand(trace, machine.MemoryBudget, EvictionOrder.FarthestNextUse, options.Policy));
    }

    /// <summary>The best plan so far.</summary>
    public Candidate Best { get; private set; }

    public Candidate Run()
    {
        if (!Best.Simulation.Feasible || _problem.Lifetimes.PeakBytes <= _problem.Budget) return Best;
        if (_options.TryOtherPolicies) TryOthers();
        Construct(OpClock.WithoutStalls(_problem.Trace));
        for (int round = 0; round < 3 && !IsSpent(ConstructionShare / 2); round++)
        {
            double before = Best.Score;
            Construct(OpClock.Of(Best.Simulation));
            if (Best.Score >= before * 0.999) break;
        }

        if (Best.Selection is not null) new LocalSearch(_problem, this).Run();
        if (Best.Selection is not null) new PlanTuning(_problem, this).Run();
        _progress?.Report(1);
        return Best;
    }

    /// <summary>Whether so much of the effort is used up, from 0 to 1, or the time is over.</summary>
    public bool IsSpent(double fraction) =>
        _plans >= fraction * _mostPlans || (_options.TimeLimit is { } limit && Stopwatch.GetElapsedTime(_start) >= limit * fraction);

    /// <summary>Simulates the plan that follows from a selection and keeps it when it is the best.</summary>
    /// <param name="selection">What is away. Not changed, and must not be changed afterwards.</param>
    /// <param name="clock">When ops run.</param>
    /// <param name="leadScale">Prefetches are asked for by so many times the latest safe lead before their use; infinite: as early as memory allows.</param>
    /// <param name="onHost">For each version whether it waits in host memory.</param>
    public Candidate Try(PeriodSelection selection, OpClock clock, double leadScale, bool[] onHost)
    {
        List<int> list = selection.ToList();
        var earliest = new int[list.Count];
        if (double.IsInfinity(leadScale))
        {
            Array.Fill(earliest, 2);
        }
        else
        {
            var booking = new TransferBooking(_problem, selection, list, clock, onHost);
            for (int i = 0; i < earliest.Length; i++)
            {
                ref readonly InactivePeriod period = ref _problem.Period(list[i]);
                if (!period.IsRead) continue;
                double deadline = clock.UnrolledStart((long)period.StartOp + period.IdleOps + 1);
                double start = deadline - leadScale * (deadline - booking.ReadStart[i]);
                earliest[i] = (int)Math.Clamp(clock.LastOpStartingAt(start) - period.StartOp, 2, period.IdleOps + 1);
            }
        }

        int[] placed = PrefetchPlacement.Place(_problem, list, selection.MemoryCurve(), earliest);
        var issue = new int[_problem.PeriodCount];
        for (int i = 0; i < placed.Length; i++) issue[list[i]] = placed[i];
        return Try(selection, issue, leadScale, onHost);
    }

    /// <summary>Simulates the plan with prefetches at given places and keeps it when it is the best.</summary>
    /// <param name="selection">What is away. Not changed, and must not be changed afterwards.</param>
    /// <param name="issue">For each period, how many ops after its start its prefetch is issued; at least 2 for selected ones that are read.</param>
    /// <param name="leadScale">What the places were made with, for the record.</param>
    /// <param name="onHost">For each version whether it waits in host memory.</param>
    public Candidate Try(PeriodSelection selection, int[] issue, double leadScale, bool[] onHost)
    {
        MigrationPlan plan = PlanComposition.Compose(_problem, selection, issue, _options.Policy, onHost);
        return Consider(_scoring.Score(plan, selection, leadScale, issue, onHost));
    }

    private Candidate Consider(Candidate candidate)
    {
        _cancellation.ThrowIfCancellationRequested();
        _plans++;
        if (_plans % 8 == 0) _progress?.Report(Math.Min(0.99, _plans / (double)_mostPlans));
        if (candidate.Score < Best.Score) Best = candidate;
        return candidate;
    }

    private void TryOthers()
    {
        bool all = _problem.Ops <= PlannerOptions.MostOpsForAllPolicies;
        foreach (IMigrationPolicy policy in Policies.Policies.All)
        {
            if (policy is PlannedPolicy || (!all && policy is not OnDemandPolicy)) continue;
            PolicyResult result = policy.Plan(_problem.Trace, _problem.Machine, cancellation: _cancellation);
            // "Unlimited" is not a plan for this machine.
            if (result.Plan.MemoryBudget <= _problem.Budget) Consider(_scoring.Score(result.Plan));
        }
    }

    private void Construct(OpClock clock)
    {
        long step = _problem.Budget;
        ReadOnlySpan<double> slacks = [0.02, 0, 0.08];
        ReadOnlySpan<double> crowdings = [1, 0, 3];
        double[] leads = [1 + _options.LeadMargin, double.PositiveInfinity];
        TransferCosts costs = TransferCosts.Of(_problem.Machine, 1);
        ReliefWindows whole = ReliefWindows.Whole(_problem);
        foreach (double crowding in crowdings)
        {
            ReliefWindows relief = crowding == 0 ? whole : ReliefWindows.Of(_problem, clock, crowding);
            foreach (double slack in slacks)
            {
                if (IsSpent(ConstructionShare)) return;
                long limit = _problem.Budget - (long)(slack * step);
                foreach (bool farthest in (ReadOnlySpan<bool>)[true, false])
                {
                    PeriodSelection selection = farthest ? new FarthestUseSelection(_problem, relief).Run(limit) : new PeriodSelection(_problem);
                    Repair(selection, clock, costs, relief, limit);
                    foreach (HostUse use in _hostUses)
                    {
                        bool[] onHost = TierAssignment.Assign(_problem, selection, use);
                        foreach (double lead in leads) Try(selection, clock, lead, onHost);
                    }
                }
            }
        }
    }

    /// <summary>Selects what is still missing, over the windows first and where they do not suffice over whole periods; then takes back what is not needed.</summary>
    internal void Repair(PeriodSelection selection, OpClock clock, TransferCosts costs, ReliefWindows relief, long limit, int forbidden = -1)
    {
        IReadOnlyList<int> candidates = forbidden < 0 ? _problem.Movable : [.. _problem.Movable.Where(p => p != forbidden)];
        var curve = new CyclicRangeTree(_problem.Lifetimes.LiveBytes);
        foreach (int p in selection.ToList())
        {
            (int first, int count) = relief[p];
            curve.Add(first, count, -_problem.Period(p).Bytes);
        }

        if (new ExcessCover(_problem, clock, costs, relief).Run(selection, curve, limit, candidates))
        {
            RedundantMigrations.Remove(_problem, selection, curve, limit, costs, relief);
            return;
        }

        ReliefWindows whole = ReliefWindows.Whole(_problem);
        var wholeCurve = new CyclicRangeTree(selection.MemoryCurve());
        if (wholeCurve.Max > limit) new ExcessCover(_problem, clock, costs, whole).Run(selection, wholeCurve, limit, candidates);
        RedundantMigrations.Remove(_problem, selection, wholeCurve, Math.Max(limit, wholeCurve.Max), costs, whole);
    }
}
