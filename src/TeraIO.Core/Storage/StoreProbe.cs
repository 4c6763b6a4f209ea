using System.Diagnostics;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Storage;

/// <summary>What a store can do, as measured in a fraction of a second.</summary>
/// <param name="ReadBandwidth">Bytes per second while nothing is written, checksums included.</param>
/// <param name="WriteBandwidth">Bytes per second while nothing is read.</param>
/// <param name="Interference">0: reads and writes run at full speed at once; 1: they share one channel.</param>
/// <param name="CpuSecondsPerByte">Processor seconds that moving one byte cost this process.</param>
public sealed record StoreBandwidth(double ReadBandwidth, double WriteBandwidth, double Interference, double CpuSecondsPerByte)
{
    /// <summary>Interference, from the parts of their rates alone that reads and writes keep when both run at once.</summary>
    internal static double InterferenceOf(double readsKept, double writesKept) => Math.Clamp(2 - (readsKept + writesKept), 0, 1);
}

/// <summary>Measures a store with transfers like those of a plan: tensors of some MiB, several in flight.</summary>
public sealed class StoreProbe : IDisposable
{
    private const int InFlight = 4;
    private const long MostTensorBytes = 8L << 20;
    private static readonly TimeSpan _phase = TimeSpan.FromMilliseconds(120);

    private readonly TensorStore _store;
    private readonly WriteHint _hint;
    private readonly long _tensorBytes;
    private readonly ProbeMemory _memory;
    private readonly StoredCopy[] _copies = new StoredCopy[2 * InFlight];

    private StoreProbe(TensorStore store, WriteTarget target, long tensorBytes)
    {
        _store = store;
        _hint = WriteHint.None with { Target = target };
        _tensorBytes = tensorBytes;
        long bytes = 2 * InFlight * tensorBytes;
        _memory = store.Options.MovesDeviceMemory ? ProbeMemory.OnDevice(store.Options.Device, bytes) : ProbeMemory.OnHost(bytes);
        try
        {
            for (int i = 0; i < _copies.Length; i++)
            {
                _copies[i] = store.Reserve(-1 - i, tensorBytes);
                _copies[i].IsProbe = true;
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>
    /// Measures the paths, with memory of the device where that is what the store moves; blocks the caller for about half a second, and uses 64 MiB of memory and store meanwhile. Stores that share a device
    /// (<see cref="StoreOptions.Leases"/>) measure it one after the other.
    /// </summary>
    /// <exception cref="TeraIOException">A transfer failed, or the store or the device is full.</exception>
    public static StoreBandwidth Measure(TensorStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        return Measure(store, WriteTarget.Paths, MostTensorBytes);
    }

    /// <summary>
    /// Measures the host tier in the same way, with up to 64 MiB or half of its budget; null when the store has none. To be done while nothing waits there: what finds no room goes to the
    /// paths. Where a write is complete on the paths only (<see cref="HostMemoryMode.WriteThrough"/>), that is what is measured.
    /// </summary>
    /// <exception cref="TeraIOException">A transfer failed, or the store is full.</exception>
    public static StoreBandwidth? MeasureHostMemory(TensorStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        if (store.Options.HostMemory is not { } host) return null;
        return Measure(store, WriteTarget.Host, Math.Min(MostTensorBytes, ExtentAllocator.RoundDown(host.Budget.Bytes / (4 * InFlight))));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (StoredCopy? copy in _copies)
        {
            if (copy is not null) _store.Release(copy);
        }

        _memory.Dispose();
    }

    private static StoreBandwidth Measure(TensorStore store, WriteTarget target, long tensorBytes)
    {
        using IDisposable? turn = store.AwaitProbeTurn();
        using var probe = new StoreProbe(store, target, tensorBytes);
        return probe.Run();
    }

    private StoreBandwidth Run()
    {
        // Once unmeasured: files get their blocks, pages and code become warm.
        foreach (StoredCopy copy in _copies) Write(copy).GetAwaiter().GetResult();
        TimeSpan cpu = Process.GetCurrentProcess().TotalProcessorTime;
        double write = Measure(reads: 0, writes: InFlight, out _, out long written);
        double read = Measure(reads: InFlight, writes: 0, out long wasRead, out _);
        double cpuSeconds = (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds;
        double seconds = Measure(InFlight, InFlight, out long bothRead, out long bothWritten);
        double readRate = wasRead / read;
        double writeRate = written / write;
        return new StoreBandwidth(readRate, writeRate, StoreBandwidth.InterferenceOf(bothRead / seconds / readRate, bothWritten / seconds / writeRate), cpuSeconds / (wasRead + written));
    }

    /// <returns>Seconds in which the bytes moved.</returns>
    private double Measure(int reads, int writes, out long readBytes, out long writtenBytes)
    {
        readBytes = writtenBytes = 0;
        var running = new List<(Task Transfer, int Index, bool IsRead)>();
        for (int i = 0; i < reads; i++) running.Add((Read(_copies[i]), i, true));
        for (int i = 0; i < writes; i++) running.Add((Write(_copies[InFlight + i]), InFlight + i, false));
        long start = Stopwatch.GetTimestamp();
        while (running.Count > 0)
        {
            Task ended = Task.WhenAny(running.Select(static r => r.Transfer)).GetAwaiter().GetResult();
            ended.GetAwaiter().GetResult();
            int place = running.FindIndex(r => r.Transfer == ended);
            (_, int index, bool isRead) = running[place];
            running.RemoveAt(place);
            if (isRead) readBytes += _tensorBytes;
            else writtenBytes += _tensorBytes;
            if (Stopwatch.GetElapsedTime(start) >= _phase) continue;
            running.Add((isRead ? Read(_copies[index]) : Write(_copies[index]), index, isRead));
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private Task Read(StoredCopy copy) => _store.ReadAsync(copy, Memory(copy), TransferPriority.Normal).AsTask();

    private Task Write(StoredCopy copy) => _store.Write(copy, Memory(copy), TransferPriority.Normal, continuesInline: false, _hint).AsTask();

    private nint Memory(StoredCopy copy) => _memory.Address + (nint)(_tensorBytes * (-1 - copy.TensorId));
}
