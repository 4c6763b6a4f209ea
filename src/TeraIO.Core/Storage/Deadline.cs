using System.Diagnostics;

namespace TeraIO.Core.Storage;

/// <summary>When a write or read is given up, with all transfers that it is made of.</summary>
/// <param name="Allowed">Time from its begin, as its caller gave it.</param>
/// <param name="End">The same as a <see cref="Stopwatch"/> timestamp.</param>
internal readonly record struct Deadline(TimeSpan Allowed, long End)
{
    /// <summary>Not below 0: a timer takes -1 ms for no limit at all.</summary>
    public TimeSpan Left
    {
        get
        {
            var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), End);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    /// <summary>From now; null when there is none.</summary>
    public static Deadline? In(TimeSpan? allowed) =>
        allowed is { } time ? new Deadline(time, Stopwatch.GetTimestamp() + (long)(time.TotalSeconds * Stopwatch.Frequency)) : null;
}
