using TeraIO.Planner.Lifetimes;

namespace TeraIO.Planner.Planning;

/// <summary>
/// The inactive periods in which tensors leave memory. Knows which of them cost a write: the first selected one of each version (contents) of a tensor; the
/// others find a current copy in the store and are only dropped. Not thread-safe.
/// </summary>
internal sealed class PeriodSelection
{
    private readonly PlanningProblem _problem;
    private readonly bool[] _selected;
    private readonly int[] _countOfVersion;

    public PeriodSelection(PlanningProblem problem)
    {
        _problem = problem;
        _selected = new bool[problem.PeriodCount];
        _countOfVersion = new int[problem.Lifetimes.VersionCount];
    }

    private PeriodSelection(PeriodSelection other)
    {
        _problem = other._problem;
        _selected = (bool[])other._selected.Clone();
        _countOfVersion = (int[])other._countOfVersion.Clone();
        Count = other.Count;
    }

    /// <summary>How many periods are selected.</summary>
    public int Count { get; private set; }

    public bool this[int period] => _selected[period];

    public PeriodSelection Clone() => new(this);

    public void Add(int period)
    {
        if (_selected[period]) return;
        _selected[period] = true;
        _countOfVersion[_problem.Period(period).Version]++;
        Count++;
    }

    public void Remove(int period)
    {
        if (!_selected[period]) return;
        _selected[period] = false;
        _countOfVersion[_problem.Period(period).Version]--;
        Count--;
    }

    /// <summary>Whether moving the tensor out in this selected period writes it.</summary>
    public bool Writes(int period)
    {
        ref readonly InactivePeriod p = ref _problem.Period(period);
        if (!p.IsDirty) return false;
        for (int earlier = _problem.FirstOfVersion[p.Version]; earlier < period; earlier++)
        {
            if (_selected[earlier]) return false;
        }

        return true;
    }

    /// <summary>Bytes that would be written more if this period, not selected now, were selected.</summary>
    public long AddedWrite(int period)
    {
        ref readonly InactivePeriod p = ref _problem.Period(period);
        return p.IsDirty && _countOfVersion[p.Version] == 0 ? p.Bytes : 0;
    }

    /// <summary>Bytes that would be written less if this selected period were not.</summary>
    public long SavedWrite(int period)
    {
        ref readonly InactivePeriod p = ref _problem.Period(period);
        return p.IsDirty && _countOfVersion[p.Version] == 1 ? p.Bytes : 0;
    }

    /// <summary>The selected periods, ascending.</summary>
    public List<int> ToList()
    {
        var list = new List<int>(Count);
        for (int p = 0; p < _selected.Length; p++)
        {
            if (_selected[p]) list.Add(p);
        }

        return list;
    }

    /// <summary>Bytes alive at each op when selected tensors are away from the end of the use before to the begin of the next.</summary>
    public long[] MemoryCurve()
    {
        int ops = _problem.Ops;
        var change = new long[ops + 1];
        for (int p = 0; p < _selected.Length; p++)
        {
            if (!_selected[p]) continue;
            ref readonly InactivePeriod period = ref _problem.Period(p);
            int first = _problem.FirstIdle[p];
            int end = first + period.IdleOps;
            change[first] -= period.Bytes;
            change[Math.Min(end, ops)] += period.Bytes;
            if (end <= ops) continue;
            change[0] -= period.Bytes;
            change[end - ops] += period.Bytes;
        }

        var curve = new long[ops];
        long sum = 0;
        ReadOnlySpan<long> live = _problem.Lifetimes.LiveBytes;
        for (int op = 0; op < ops; op++)
        {
            sum += change[op];
            curve[op] = live[op] + sum;
        }

        return curve;
    }
}
