using System.Diagnostics;
using System.Globalization;
using TeraIO.Core.Leases;
using TeraIO.Core.Storage;

namespace TeraIO.Studies;

/// <summary>
/// A process of <see cref="RankStudy"/>: tensors of 16 MiB go to and from one store, several at once, as fast as it takes them. Speaks by lines: <c>ready</c> when
/// its store has the bytes, then waits for a line, answers <c>moving</c> after its first transfer, and at the end says what it moved.
/// </summary>
internal static class RankWorker
{
    private const long TensorBytes = 16L << 20;

    /// <param name="path">Directory of the store.</param>
    /// <param name="leases">Null: no leases, not even counted.</param>
    /// <param name="work">reads, writes or both (half of the tensors each).</param>
    /// <param name="seconds">How long.</param>
    /// <param name="inFlight">Tensors that move at once.</param>
    public static void Run(string path, LeaseOptions? leases, string work, double seconds, int inFlight)
    {
        using var memory = new NativeBlock(inFlight * TensorBytes);
        memory.Bytes(0, inFlight * TensorBytes).Fill(0x5A);
        using TensorStore store = TensorStore.Open(new StoreOptions { Paths = [path], Leases = leases });
        StoredCopy[] copies = [.. Enumerable.Range(0, inFlight).Select(i => store.Reserve(i, TensorBytes))];
        for (int i = 0; i < inFlight; i++) store.WriteAsync(copies[i], memory.Address + (nint)(i * TensorBytes)).AsTask().GetAwaiter().GetResult();
        RankProcess.Say("ready");
        Console.In.ReadLine();

        StoreStatistics before = store.Statistics;
        long begun = Stopwatch.GetTimestamp();
        int moved = 0;
        Task[] chains = [.. Enumerable.Range(0, inFlight).Select(i => Chain(i, isRead: work == "reads" || (work == "both" && i % 2 == 0)))];
        Task.WaitAll(chains);
        double elapsed = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        StoreStatistics after = store.Statistics;
        long bytes = after.BytesRead.Bytes + after.BytesWritten.Bytes - before.BytesRead.Bytes - before.BytesWritten.Bytes;
        double longest = store.LeaseStatistics.Select(static l => l.LongestWait.TotalSeconds).DefaultIfEmpty(0).Max();
        long holds = store.LeaseStatistics.Sum(static l => l.Holds);
        RankProcess.Say(string.Create(CultureInfo.InvariantCulture, $"{bytes / elapsed} {longest} {holds}"));
        foreach (StoredCopy copy in copies) store.Release(copy);

        async Task Chain(int index, bool isRead)
        {
            await Task.Yield();
            nint place = memory.Address + (nint)(index * TensorBytes);
            while (Stopwatch.GetElapsedTime(begun).TotalSeconds < seconds)
            {
                if (isRead) await store.ReadAsync(copies[index], place).ConfigureAwait(false);
                else await store.WriteAsync(copies[index], place).ConfigureAwait(false);
                if (Interlocked.Exchange(ref moved, 1) == 0) RankProcess.Say("moving");
            }
        }
    }
}
