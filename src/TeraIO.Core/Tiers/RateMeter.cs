using System.Diagnostics;

namespace TeraIO.Core.Tiers;

/// <summary>
/// The bandwidth of one direction of a path, estimated from its transfers: bytes that ended, divided by the time in which at least one transfer was
/// in flight. Not from latencies, which contain the queue in front of a transfer. Thread-safe.
/// </summary>
/// <remarks>
/// Measured in spans of at least <see cref="LeastSpan"/> or <see cref="SpanBytes"/>. The estimate follows in the logarithm, slowly when a span
/// differs little, fast when it differs much: a path that slows to a tenth is known for it after two spans, while noise is averaged out.
/// A transfer that is overdue lowers the estimate before it ends.
/// </remarks>
/// <param name="leastMeanBytes">Spans whose transfers are smaller on average are left out: they tell a latency, not a bandwidth.</param>
internal sealed class RateMeter(long leastMeanBytes)
{
    /// <summary>Shorter than a stall of a journaling file system, longer than a few stripes of a fast drive.</summary>
    internal static readonly TimeSpan LeastSpan = TimeSpan.FromMilliseconds(20);

    /// <summary>One turn of a full queue of 16 chunks: what ended in a burst is set against the time that the burst took.</summary>
    internal const long SpanBytes = 16 << 20;

    private const double NearRatio = 1.5;
    private const double NearWeight = 0.25;
    private const double FarWeight = 0.6;

    private readonly Lock _lock = new();
    private double _rate;           // bytes per second; 0: not known
    private long _mark;             // up to when _spanTicks counts, a Stopwatch timestamp
    private long _spanTicks;
    private long _spanBytes;
    private int _spanTransfers;
    private long _inFlightBytes;
    private int _inFlight;

    /// <summary>A transfer of <paramref name="bytes"/> is in flight from <paramref name="now"/> on, a <see cref="Stopwatch"/> timestamp.</summary>
    public void Begin(long now, long bytes)
    {
        lock (_lock)
        {
            if (_inFlight == 0)
                _mark = now;
            _inFlight++;
            _inFlightBytes += bytes;
        }
    }

    /// <summary>A transfer ended.</summary>
    /// <param name="now">When.</param>
    /// <param name="bytes">What <see cref="Begin"/> was told.</param>
    /// <param name="moved">Whether the bytes arrived; the time counts in any case.</param>
    public void End(long now, long bytes, bool moved)
    {
        lock (_lock)
        {
            _spanTicks += Math.Max(0, now - _mark);
            _mark = now;
            _inFlight--;
            _inFlightBytes -= bytes;
            if (moved)
            {
                _spanBytes += bytes;
                _spanTransfers++;
            }
            if (_spanTransfers >= 2 && (Stopwatch.GetElapsedTime(0, _spanTicks) >= LeastSpan || _spanBytes >= SpanBytes))
                CloseSpan();
        }
    }

    /// <summary>A transfer will not happen now; the time does not count against the path.</summary>
    public void Withdraw(long bytes)
    {
        lock (_lock)
        {
            _inFlight--;
            _inFlightBytes -= bytes;
        }
    }

    /// <summary>Bytes per second, or 0 while it is not known.</summary>
    public double Rate(long now)
    {
        lock (_lock)
        {
            if (_rate == 0 || _inFlight == 0)
                return _rate;
            // Were all that is in flight to end at this very moment, the span would have this rate: the path cannot be faster.
            double seconds = Stopwatch.GetElapsedTime(0, _spanTicks + Math.Max(0, now - _mark)).TotalSeconds;
            return seconds > 0 ? Math.Min(_rate, (_spanBytes + _inFlightBytes) / seconds) : _rate;
        }
    }

    /// <summary>Replaces the estimate, as a probe found the rate to be.</summary>
    public void Adopt(double rate)
    {
        lock (_lock)
        {
            _rate = rate;
            StartSpan();
        }
    }

    private void CloseSpan()
    {
        double seconds = Stopwatch.GetElapsedTime(0, Math.Max(1, _spanTicks)).TotalSeconds;
        if (_spanBytes >= leastMeanBytes * _spanTransfers)
            Learn(_spanBytes / seconds);
        StartSpan();
    }

    private void StartSpan()
    {
        _spanTicks = 0;
        _spanBytes = 0;
        _spanTransfers = 0;
    }

    private void Learn(double found)
    {
        if (_rate == 0)
        {
            _rate = found;
            return;
        }
        double ratio = found / _rate;
        double weight = ratio is > NearRatio or < 1 / NearRatio ? FarWeight : NearWeight;
        _rate *= Math.Pow(ratio, weight);
    }
}
