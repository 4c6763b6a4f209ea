namespace TeraIO.Torch;

/// <summary>One training step (see <see cref="OffloadSession.BeginStep"/>). Used by one thread.</summary>
public sealed class StepScope : IDisposable
{
    private readonly OffloadSession _session;
    private readonly OffloadStatistics _before;
    private OffloadStatistics? _after;

    internal StepScope(OffloadSession session)
    {
        _session = session;
        _before = session.Statistics;
    }

    /// <summary>What moved during this step; live while the step runs, fixed once it is disposed.</summary>
    public OffloadStatistics Statistics => (_after ?? _session.Statistics) - _before;

    /// <summary>Ends the step.</summary>
    public void Dispose()
    {
        if (_after is not null) return;
        _after = _session.Statistics;
        _session.EndStep();
    }
}
