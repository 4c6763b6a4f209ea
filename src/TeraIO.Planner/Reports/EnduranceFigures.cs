namespace TeraIO.Planner.Reports;

/// <summary>What training with a plan does to the SSDs.</summary>
/// <param name="BytesPerStep">Bytes written per iteration.</param>
/// <param name="BytesPerToken">Bytes written per trained token; null when the trace does not tell tokens.</param>
/// <param name="BytesPerDay">Bytes written in a day of training without a break.</param>
/// <param name="RatedBytes">Bytes that the SSDs together are rated for; null when not known.</param>
public sealed record EnduranceFigures(double BytesPerStep, double? BytesPerToken, double BytesPerDay, double? RatedBytes)
{
    private const double SecondsPerDay = 86400;

    /// <summary>Days of training until the rated bytes are written; null when not known or nothing is written.</summary>
    public double? DaysToRating => RatedBytes is { } rated && BytesPerDay > 0 ? rated / BytesPerDay : null;

    /// <summary>From a simulated iteration.</summary>
    /// <param name="bytesWritten">Bytes written to SSD per iteration.</param>
    /// <param name="stepSeconds">Seconds of an iteration.</param>
    /// <param name="tokens">Tokens per iteration; 0 when not known.</param>
    /// <param name="ratedBytes">Rated endurance of all SSDs together, in bytes.</param>
    public static EnduranceFigures Of(long bytesWritten, double stepSeconds, long tokens, double? ratedBytes) => new(
        bytesWritten,
        tokens > 0 ? bytesWritten / (double)tokens : null,
        stepSeconds > 0 ? bytesWritten * SecondsPerDay / stepSeconds : 0,
        ratedBytes);
}
