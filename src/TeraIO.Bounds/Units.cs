using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;

namespace TeraIO.Bounds;

/// <summary>Scales a program so that its numbers lie near one: solvers work with absolute tolerances.</summary>
/// <param name="Bytes">Bytes per unit.</param>
/// <param name="Seconds">Seconds per unit.</param>
internal readonly record struct Units(double Bytes, double Seconds)
{
    public static Units For(ReadOnlySpan<long> excess, MachineModel machine, Trace trace)
    {
        long largest = 1;
        foreach (long bytes in excess) largest = Math.Max(largest, bytes);
        double unit = largest / 100.0;
        double seconds = Math.Max(trace.IdealSeconds / 100, unit / Math.Max(machine.Storage.ReadBandwidth, machine.Storage.WriteBandwidth));
        return new Units(unit, seconds);
    }

    public double Amount(double bytes) => bytes / Bytes;

    public double Time(double seconds) => seconds / Seconds;

    public double Rate(double bytesPerSecond) => bytesPerSecond * Seconds / Bytes;
}
