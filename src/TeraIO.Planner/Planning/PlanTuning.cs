using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Planning;

/// <summary>
/// The last steps of the search: changes one to three periods of the best plan at once - moves a tensor or not, asks for it earlier or later, in the other tier -
/// and lets the simulator judge, without asking whether the memory curve allows it. Also takes steps that neither gain nor lose. Random with a fixed seed.
/// </summary>
internal sealed class PlanTuning(PlanningProblem problem, PlanSearch search)
{
    private const int MostFailures = 1_500;

    /// <summary>Where ops hardly wait there is little to gain.</summary>
    private const int MostFailuresWithoutStall = 100;

    private const double HardlyWaits = 0.001;

    private readonly Random _random = new(2);

    public void Run()
    {
        Candidate current = search.Best;
        int failures = 0;
        while (!search.IsSpent(1) && failures < MostFailuresFor(current.Simulation))
        {
            Candidate next = Change(current);
            failures = next.Score < current.Score * 0.9999 ? 0 : failures + 1;
            if (next.Score <= current.Score) current = next;
        }
    }

    private static int MostFailuresFor(SimulationResult simulation) =>
        simulation.StallSeconds < HardlyWaits * simulation.StepSeconds ? MostFailuresWithoutStall : MostFailures;

    private Candidate Change(Candidate current)
    {
        PeriodSelection selection = current.Selection!.Clone();
        var issue = (int[])current.Issue!.Clone();
        bool[] onHost = current.OnHost!;
        for (int changes = _random.Next(1, 4); changes > 0; changes--)
        {
            int p = problem.Movable[_random.Next(problem.Movable.Length)];
            ref readonly InactivePeriod period = ref problem.Period(p);
            if (problem.Machine.Host is not null && _random.Next(4) == 0)
            {
                onHost = (bool[])onHost.Clone();
                onHost[period.Version] ^= true;
                continue;
            }

            bool toggles = _random.Next(2) == 0;
            if (toggles && selection[p]) selection.Remove(p);
            else if (toggles) selection.Add(p);
            if (period.IsRead && (!toggles || issue[p] < 2)) issue[p] = 2 + _random.Next(period.IdleOps);
        }

        return search.Try(selection, issue, current.LeadScale, onHost);
    }
}
