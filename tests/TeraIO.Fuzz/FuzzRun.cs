using System.Diagnostics;
using System.Text.RegularExpressions;
using TeraIO.Core.Tracing;

namespace TeraIO.Fuzz;

/// <summary>
/// Feeds a parser with mutations of good files and of those that led it somewhere new (a message not seen before). An input fails when anything but
/// <see cref="TraceFormatException"/> comes out, when it takes longer or allocates more than its size allows, or when the message does not name the file,
/// is long or holds control characters.
/// Deterministic for a seed and a number of inputs.
/// </summary>
internal sealed partial class FuzzRun
{
    private const int MostCorpus = 2000;

    private const int MostGood = 500;

    private const int LongestMessage = 700;

    private readonly FuzzTarget _target;
    private readonly Random _random;
    private readonly Mutator _mutator;
    private readonly List<byte[]> _good;
    private readonly List<byte[]> _corpus = [];
    private readonly HashSet<string> _messages = [];

    public FuzzRun(FuzzTarget target, int seed)
    {
        _target = target;
        _random = new Random(seed);
        _mutator = new Mutator(_random, target.Tokens);
        _good = [.. target.Seeds];
    }

    /// <summary>Most that one input may take. Generous: machines are shared, and what loops or is quadratic takes far longer.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Inputs so far.</summary>
    public long Inputs { get; private set; }

    /// <summary>Of them, those that were read without an error.</summary>
    public long Accepted { get; private set; }

    /// <summary>Kinds of messages seen, numbers and quotations apart.</summary>
    public int Messages => _messages.Count;

    /// <summary>Of any one input.</summary>
    public TimeSpan LongestTime { get; private set; }

    /// <summary>Of any one input, garbage included.</summary>
    public long MostAllocated { get; private set; }

    /// <summary>Inputs that failed and why; at most ten are kept.</summary>
    public List<(byte[] Input, string Reason)> Failures { get; } = [];

    /// <summary>The seeds must be good: what is mutated then begins deep inside the parser.</summary>
    public void CheckSeeds()
    {
        foreach (byte[] seed in _target.Seeds) _target.Parse(seed);
    }

    /// <summary>The next input.</summary>
    public void Step()
    {
        byte[] input = _mutator.Mutate(Pick(), Pick());
        Inputs++;
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        var clock = Stopwatch.StartNew();
        string? reason = null;
        string message = "";
        try
        {
            _target.Parse(input);
            Accepted++;
            if (_good.Count < MostGood) _good.Add(input);
            else _good[_random.Next(_target.Seeds.Length, MostGood)] = input;
        }
        catch (TraceFormatException e)
        {
            message = e.Message;
            if (!e.Message.StartsWith("fuzz", StringComparison.Ordinal) && !IsFromValidation(e)) reason = $"the message names no file: {e.Message}";
            else if (e.Message.Length > LongestMessage || e.Message.Any(char.IsControl)) reason = $"the message has {e.Message.Length} characters or control characters: {e.Message}";
        }
        catch (Exception e)
        {
            reason = e.ToString();
        }

        clock.Stop();
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        if (clock.Elapsed > LongestTime) LongestTime = clock.Elapsed;
        MostAllocated = Math.Max(MostAllocated, allocated);
        if (clock.Elapsed > Limit) reason ??= $"{input.Length} bytes took {clock.Elapsed.TotalSeconds:0.0} s";
        if (allocated > Allowance(input.Length)) reason ??= $"{input.Length} bytes made it allocate {allocated} bytes";
        if (reason is not null && Failures.Count < 10) Failures.Add((input, reason));
        if (_messages.Add(Kind(message)) && _corpus.Count < MostCorpus) _corpus.Add(input);
    }

    /// <summary>Half of the time one that was good: from a broken one nothing gets far.</summary>
    private byte[] Pick() => _corpus.Count == 0 || _random.Next(2) == 0 ? _good[_random.Next(_good.Count)] : _corpus[_random.Next(_corpus.Count)];

    /// <summary>Buffers that every reader has, and a multiple of the input for objects (one byte of a pickle can make a list).</summary>
    internal static long Allowance(int inputBytes) => (4L << 20) + (600L * inputBytes);

    /// <summary>The check of a plan against its trace has no file to name.</summary>
    private bool IsFromValidation(TraceFormatException e) => _target.Name == "plan" && e.Path is null;

    private static string Kind(string message) => Varying().Replace(message, "#");

    [GeneratedRegex("\"[^\"]*\"?|\\([^)]*\\)?|'[^']*'|-?[0-9][0-9.eE+]*|0x[0-9A-F]+")]
    private static partial Regex Varying();
}
