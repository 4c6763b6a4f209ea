using TeraIO.Core;

namespace TeraIO.Cli.Bench;

/// <summary>One way to move requests of one size, ready to be measured. Not thread-safe.</summary>
internal interface IBenchRun : IDisposable
{
    /// <summary>Moves for the given time.</summary>
    /// <param name="path">The directory, for the result.</param>
    /// <param name="direction">What moves.</param>
    /// <param name="seconds">How long.</param>
    /// <exception cref="TeraIOException">A transfer failed, or other bytes came back than were written.</exception>
    BenchCell Measure(string path, BenchDirection direction, double seconds);
}
