using System.Runtime.InteropServices;
using TeraIO.Distributed;

namespace TeraIO.Torch.Tests.DataParallel;

/// <summary>Ranks that are threads of this process. Sums are taken in the order of ranks.</summary>
internal sealed class ThreadRanks : IDisposable
{
    private readonly byte[][] _contributions;
    private readonly Barrier _barrier;
    private readonly CancellationTokenSource _failed = new();

    private ThreadRanks(int size)
    {
        _contributions = new byte[size][];
        _barrier = new Barrier(size);
    }

    /// <summary>Runs <paramref name="body"/> in every rank.</summary>
    /// <returns>What each rank threw; null where nothing. A rank that only waited for one that threw has thrown nothing.</returns>
    public static Exception?[] Run(int size, Action<ICommunicator> body)
    {
        using var ranks = new ThreadRanks(size);
        var thrown = new Exception?[size];
        Thread[] threads = [.. Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            try
            {
                body(new Member(ranks, rank));
            }
            catch (OperationCanceledException)
            {
                // Another rank has thrown.
            }
            catch (Exception e)
            {
                thrown[rank] = e;
                ranks._failed.Cancel();
            }
        }))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        return thrown;
    }

    public void Dispose()
    {
        _barrier.Dispose();
        _failed.Dispose();
    }

    private sealed class Member(ThreadRanks ranks, int rank) : ICommunicator
    {
        public int Rank => rank;

        public int Size => ranks._contributions.Length;

        public void SumInPlace(Span<float> values)
        {
            Span<byte> bytes = MemoryMarshal.AsBytes(values);
            byte[][] all = Exchange(bytes);
            values.Clear();
            foreach (byte[] one in all)
            {
                Assert.That(one, Has.Length.EqualTo(bytes.Length), "the ranks sum different things");
                for (int i = 0; i < values.Length; i++) values[i] += BitConverter.ToSingle(one, i * sizeof(float));
            }

            Wait();
        }

        public void Broadcast(Span<byte> bytes, int from)
        {
            Exchange(bytes)[from].CopyTo(bytes);
            Wait();
        }

        public void Gather(ReadOnlySpan<byte> own, Span<byte> all)
        {
            byte[][] each = Exchange(own);
            for (int i = 0; i < each.Length; i++) each[i].CopyTo(all[(i * own.Length)..]);
            Wait();
        }

        public void Leave() => Wait();

        public void Abort(int exitCode) => ranks._failed.Cancel();

        private byte[][] Exchange(ReadOnlySpan<byte> own)
        {
            ranks._contributions[rank] = own.ToArray();
            Wait();
            return ranks._contributions;
        }

        private void Wait() => ranks._barrier.SignalAndWait(ranks._failed.Token);
    }
}
