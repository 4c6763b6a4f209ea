using System.Diagnostics;

namespace TeraIO.Core.Runtime.Planned;

/// <summary>The durations of a program's ops over its last few steps; one disturbed step does not show in their medians. Not thread-safe.</summary>
internal sealed class OpDurations(int ops)
{
    /// <summary>Steps that count.</summary>
    public const int Window = 5;

    private readonly List<long[]> _steps = []; // Stopwatch ticks, the oldest first

    /// <summary>No step was added.</summary>
    public bool IsEmpty => _steps.Count == 0;

    /// <summary>Adds a step that has just as many ops.</summary>
    public void Add(StepRecord record)
    {
        long[] ticks = _steps.Count < Window ? new long[ops] : _steps[0];
        if (_steps.Count == Window) _steps.RemoveAt(0);
        for (int op = 0; op < ops; op++) ticks[op] = record.Ops[op].Ticks;
        _steps.Add(ticks);
    }

    /// <summary>Forgets all steps.</summary>
    public void Clear() => _steps.Clear();

    /// <summary>Seconds per op. There must be a step.</summary>
    public double[] Medians()
    {
        var seconds = new double[ops];
        Span<long> sorted = stackalloc long[_steps.Count];
        for (int op = 0; op < ops; op++)
        {
            for (int step = 0; step < sorted.Length; step++) sorted[step] = _steps[step][op];
            sorted.Sort();
            seconds[op] = (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2.0 / Stopwatch.Frequency;
        }

        return seconds;
    }
}
