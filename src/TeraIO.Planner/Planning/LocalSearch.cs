using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Planning;

/// <summary>
/// Improves the best plan step by step: takes a period back, adds one, or both, near where ops wait; scored by the simulator. Random with a fixed seed, so
/// that the same input gives the same plan.
/// </summary>
internal sealed class LocalSearch(PlanningProblem problem, PlanSearch search)
{
    private const int MostFailures = 150;
    private const double LastShare = 0.8;

    private readonly Random _random = new(1);
    private readonly TransferCosts _costs = TransferCosts.Of(problem.Machine, 1);
    private readonly ReliefWindows _whole = ReliefWindows.Whole(problem);

    public void Run()
    {
        TryLeads();
        int failures = 0;
        while (!search.IsSpent(LastShare) && failures < MostFailures)
        {
            Candidate current = search.Best;
            Step(current);
            failures = search.Best.Score < current.Score ? 0 : failures + 1;
        }
    }

    private void TryLeads()
    {
        foreach (double lead in (ReadOnlySpan<double>)[1, 2, 4, double.PositiveInfinity])
        {
            Candidate current = search.Best;
            if (!search.IsSpent(1) && current.Selection is { } selection) search.Try(selection, OpClock.Of(current.Simulation), lead, current.OnHost!);
        }
    }

    private void Step(Candidate current)
    {
        PeriodSelection selection = current.Selection!.Clone();
        OpClock clock = OpClock.Of(current.Simulation);
        int op = PickOp(current.Simulation);
        int forbidden = -1;
        bool[] onHost = current.OnHost!;
        int kind = _random.Next(problem.Machine.Host is null ? 3 : 4);
        if (kind == 3)
        {
            int moved = PickPeriod(op, selection, isSelected: true);
            if (moved < 0) return;
            onHost = (bool[])onHost.Clone();
            onHost[problem.Period(moved).Version] ^= true;
            search.Try(selection, clock, current.LeadScale, onHost);
            return;
        }

        if (kind != 1)
        {
            forbidden = PickPeriod(op, selection, isSelected: true);
            if (forbidden < 0) return;
            selection.Remove(forbidden);
        }

        if (kind != 0)
        {
            int added = PickPeriod(op, selection, isSelected: false);
            if (added >= 0 && added != forbidden) selection.Add(added);
        }

        search.Repair(selection, clock, _costs, _whole, problem.Budget, forbidden);
        search.Try(selection, clock, current.LeadScale, onHost);
    }

    /// <summary>An op, those that wait long more often.</summary>
    private int PickOp(SimulationResult simulation)
    {
        if (simulation.StallSeconds > 0 && _random.Next(4) > 0)
        {
            double at = _random.NextDouble() * simulation.StallSeconds;
            for (int op = 0; op < problem.Ops; op++)
            {
                at -= simulation.StallPerOp[op];
                if (at <= 0) return op;
            }
        }

        return _random.Next(problem.Ops);
    }

    /// <summary>One of a few random periods around the op.</summary>
    private int PickPeriod(int op, PeriodSelection selection, bool isSelected)
    {
        int found = -1;
        double best = double.PositiveInfinity;
        for (int i = 0; i < 24; i++)
        {
            int p = problem.Movable.Length == 0 ? -1 : problem.Movable[_random.Next(problem.Movable.Length)];
            if (p < 0 || selection[p] != isSelected) continue;
            ref readonly InactivePeriod period = ref problem.Period(p);
            int toEnd = TraceLifetimes.Distance(op, period.EndOp, problem.Ops);
            int fromEnd = TraceLifetimes.Distance(period.EndOp, op, problem.Ops);
            double near = Math.Min(toEnd, fromEnd) * (0.5 + _random.NextDouble());
            if (near >= best) continue;
            best = near;
            found = p;
        }

        return found;
    }
}
