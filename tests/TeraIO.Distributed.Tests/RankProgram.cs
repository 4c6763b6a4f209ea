using System.Diagnostics;
using System.Globalization;
using TeraIO.Core;

namespace TeraIO.Distributed.Tests;

/// <summary>
/// What a rank does when mpirun starts this assembly: its first argument says it. It prints lines that begin with its rank and ends with 0, or says on stderr what is wrong.
/// </summary>
internal static class RankProgram
{
    /// <summary>What <c>dotnet</c> runs.</summary>
    public static string Location => typeof(RankProgram).Assembly.Location;

    public static int Main(string[] arguments)
    {
        ICommunicator ranks;
        try
        {
            ranks = Communicator.Join();
        }
        catch (ConfigurationException e)
        {
            Console.Error.WriteLine(e.Message);
            return 3;
        }

        try
        {
            Run(ranks, arguments);
        }
        catch (InvalidOperationException e)
        {
            Console.Error.WriteLine($"rank {ranks.Rank}: {e.Message}");
            ranks.Abort(4);
        }

        ranks.Leave();
        return 0;
    }

    private static void Run(ICommunicator ranks, string[] arguments)
    {
        switch (arguments)
        {
            case ["sum", var count]:
                Sum(ranks, int.Parse(count, CultureInfo.InvariantCulture));
                break;
            case ["bits"]:
                Bits(ranks);
                break;
            case ["broadcast", var from]:
                Broadcast(ranks, int.Parse(from, CultureInfo.InvariantCulture));
                break;
            case ["compare", var other, var length]:
                Compare(ranks, int.Parse(other, CultureInfo.InvariantCulture), int.Parse(length, CultureInfo.InvariantCulture));
                break;
            case ["wrong-root"]:
                Say(ranks, Throws<ArgumentOutOfRangeException>(() => ranks.Broadcast([], ranks.Size)));
                break;
            case ["null-reference"]:
                Say(ranks, Throws<NullReferenceException>(static () => _ = Environment.GetEnvironmentVariable("NO SUCH VARIABLE")!.Length));
                break;
            case ["killed"]:
                if (ranks.Rank == 1) Process.GetCurrentProcess().Kill();
                WaitForRank1(ranks);
                break;
            case ["fails"]:
                if (ranks.Rank == 1) throw new InvalidOperationException("something is wrong here");
                WaitForRank1(ranks);
                break;
            case ["leaves-early"]:
                if (ranks.Rank == 1) Environment.Exit(0);
                WaitForRank1(ranks);
                break;
            default:
                throw new InvalidOperationException($"unknown: {string.Join(' ', arguments)}");
        }
    }

    /// <summary>Small whole numbers, whose sum is exact in any order.</summary>
    private static void Sum(ICommunicator ranks, int count)
    {
        var values = new float[count];
        for (int i = 0; i < count; i++) values[i] = (i % 1000) + ranks.Rank;
        ranks.SumInPlace(values);
        int wrong = 0;
        for (int i = 0; i < count; i++)
        {
            float expected = ((i % 1000) * ranks.Size) + (ranks.Size * (ranks.Size - 1) / 2);
            if (values[i] != expected) wrong++;
        }

        Say(ranks, $"{count} summed, {wrong} wrong");
    }

    /// <summary>Numbers whose sum is rounded, differently in different orders: every rank must have the same bits all the same.</summary>
    private static void Bits(ICommunicator ranks)
    {
        var random = new Random(ranks.Rank);
        var values = new float[100_003];
        for (int i = 0; i < values.Length; i++) values[i] = (float)((random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-20, 20)));
        ranks.SumInPlace(values);
        ulong[] bits = [.. values.Select(static value => (ulong)BitConverter.SingleToUInt32Bits(value))];
        Say(ranks, RankComparison.First(ranks, bits) is { } difference ? $"{difference}" : "all ranks have the same bits");
    }

    private static void Broadcast(ICommunicator ranks, int from)
    {
        byte[] bytes = [.. Enumerable.Range(0, 1001).Select(i => (byte)(i * (ranks.Rank + 1)))];
        ranks.Broadcast(bytes, from);
        Say(ranks, bytes.Index().All(b => b.Item == (byte)(b.Index * (from + 1))) ? "right" : "wrong");
    }

    /// <summary>Lists that are equal but for entry 5 of one rank, and the length of its list.</summary>
    private static void Compare(ICommunicator ranks, int other, int length)
    {
        ulong[] list = [.. Enumerable.Range(0, ranks.Rank == other ? length : 8).Select(static i => (ulong)i)];
        if (ranks.Rank == other && length == 8) list[5] = 50;
        Say(ranks, RankComparison.First(ranks, list) is { } difference ? $"rank {difference.Rank} at {difference.Index}" : "equal");
    }

    private static void WaitForRank1(ICommunicator ranks) => ranks.SumInPlace(new float[100_000]);

    private static string Throws<T>(Action action)
        where T : Exception
    {
        try
        {
            action();
            return "nothing";
        }
        catch (T)
        {
            return typeof(T).Name;
        }
    }

    private static void Say(ICommunicator ranks, string text) => Console.WriteLine($"{ranks.Rank}: {text}");
}
