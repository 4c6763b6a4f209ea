using System.Diagnostics;
using TeraIO.Core.Plans;

namespace TeraIO.Core.Runtime;

/// <summary>
/// Time that ops and allocations waited, by cause, in total and since the last op ended. Thread-safe.
/// </summary>
internal sealed class StallLedger
{
    private const int Causes = 4;

    private readonly long[] _total = new long[Causes];
    private readonly long[] _ofOp = new long[Causes];

    /// <summary>All waiting so far.</summary>
    public TimeSpan Total
    {
        get
        {
            long ticks = 0;
            for (int i = 0; i < Causes; i++) ticks += Interlocked.Read(ref _total[i]);
            return Stopwatch.GetElapsedTime(0, ticks);
        }
    }

    /// <summary>Waiting so far for one reason.</summary>
    public TimeSpan Of(StallCause cause) => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref _total[(int)cause]));

    /// <summary>Stopwatch ticks since the last op ended.</summary>
    public long TicksOfOp
    {
        get
        {
            long ticks = 0;
            for (int i = 0; i < Causes; i++) ticks += Interlocked.Read(ref _ofOp[i]);
            return ticks;
        }
    }

    /// <summary>Adds the time since <paramref name="start"/>, a Stopwatch timestamp.</summary>
    public void AddSince(long start, StallCause cause) => Add(Stopwatch.GetTimestamp() - start, cause);

    /// <summary>
    /// Adds the time since <paramref name="start"/> but for what was added meanwhile: <paramref name="before"/> is what
    /// <see cref="TicksOfOp"/> was at the start.
    /// </summary>
    public void AddRest(long start, long before, StallCause cause) =>
        Add(Math.Max(0, Stopwatch.GetTimestamp() - start - (TicksOfOp - before)), cause);

    private void Add(long ticks, StallCause cause)
    {
        Interlocked.Add(ref _total[(int)cause], ticks);
        Interlocked.Add(ref _ofOp[(int)cause], ticks);
    }

    /// <summary>Takes what was added since the last call: Stopwatch ticks and the main reason.</summary>
    public (long Ticks, StallCause Cause) TakeOp()
    {
        long sum = 0;
        long most = 0;
        StallCause cause = StallCause.None;
        for (int i = 0; i < Causes; i++)
        {
            long ticks = Interlocked.Exchange(ref _ofOp[i], 0);
            sum += ticks;
            if (ticks <= most) continue;
            most = ticks;
            cause = (StallCause)i;
        }

        return (sum, cause);
    }
}
