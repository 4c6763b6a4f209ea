using TeraIO.Core.Plans;

namespace TeraIO.Torch.Planning;

/// <summary>What the steps by a plan say about it.</summary>
internal enum TrialVerdict
{
    /// <summary>Nothing yet, or nothing new.</summary>
    GoesOn,

    /// <summary>It waits little, or no plan was better for long: it stays.</summary>
    Stays,

    /// <summary>It is the best so far, and its steps wait: another may be better.</summary>
    MayBeBettered,

    /// <summary>The one before it was better, and stays.</summary>
    GoesBack,
}

/// <summary>
/// Judges a plan by what its steps lose to it: the waiting that was measured, and what its bytes take from the ops. The duration of the step itself would judge the machine, which
/// may change its speed by more than two plans differ. Not thread-safe.
/// </summary>
/// <param name="plan">The plan.</param>
/// <param name="transferSeconds">Seconds per step that its transfers take from the ops.</param>
/// <param name="before">The plan that it is to better; null for the first.</param>
internal sealed class PlanTrial(MigrationPlan plan, double transferSeconds, PlanTrial? before = null)
{
    /// <summary>Plans that are tried after the first.</summary>
    public const int MostReplans = 4;

    /// <summary>Steps by one plan before it is judged: the first one still moves what the plan before left behind.</summary>
    public const int StepsPerPlan = 3;

    /// <summary>A plan is better when it saves this much of a step, and one whose steps wait less than that is good enough.</summary>
    public const double WorthwhileGain = 0.01;

    private readonly int _replans = before is null ? 0 : before._replans + 1;
    private int _steps;
    private double _stallSeconds = double.PositiveInfinity;
    private bool _isSettled;

    public MigrationPlan Plan => plan;

    /// <summary>The plan that it is to better.</summary>
    public PlanTrial? Before => before;

    private double LostSeconds => _stallSeconds + transferSeconds;

    /// <summary>A step by the plan has ended.</summary>
    /// <param name="stepSeconds">Of the whole step.</param>
    /// <param name="stallSeconds">That its ops waited.</param>
    public TrialVerdict Judge(double stepSeconds, double stallSeconds)
    {
        if (_isSettled) return TrialVerdict.GoesOn;
        if (++_steps > 1) _stallSeconds = Math.Min(_stallSeconds, stallSeconds);
        if (_steps < StepsPerPlan) return TrialVerdict.GoesOn;
        _isSettled = true;
        double worthwhile = WorthwhileGain * stepSeconds;
        if (before is not null && LostSeconds > before.LostSeconds - worthwhile)
            return LostSeconds > before.LostSeconds ? TrialVerdict.GoesBack : TrialVerdict.Stays;
        return _stallSeconds < worthwhile || _replans == MostReplans ? TrialVerdict.Stays : TrialVerdict.MayBeBettered;
    }
}
