using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;

namespace TeraIO.Planner.Planning;

/// <summary>What moving a byte is taken to cost, in seconds of its path, and how much a write weighs against a read.</summary>
internal readonly record struct TransferCosts(double SecondsPerByteRead, double SecondsPerByteWritten)
{
    /// <summary>Costs on the SSD path. What a transfer takes from compute counts like time on the path.</summary>
    /// <param name="machine">Bandwidths.</param>
    /// <param name="writeWeight">1: a write costs the time it takes; more makes plans write less; 0 counts reads only.</param>
    public static TransferCosts Of(MachineModel machine, double writeWeight) => new(
        1 / machine.Storage.ReadBandwidth + machine.ComputeSecondsPerByte,
        writeWeight * (1 / machine.Storage.WriteBandwidth + machine.ComputeSecondsPerByte));

    /// <summary>What selecting the period adds to the traffic.</summary>
    public double OfAdding(PeriodSelection selection, int index, in InactivePeriod period) =>
        SecondsPerByteRead * (period.IsRead ? period.Bytes : 0) + SecondsPerByteWritten * selection.AddedWrite(index);

    /// <summary>What taking the period back saves.</summary>
    public double OfRemoving(PeriodSelection selection, int index, in InactivePeriod period) =>
        SecondsPerByteRead * (period.IsRead ? period.Bytes : 0) + SecondsPerByteWritten * selection.SavedWrite(index);
}
