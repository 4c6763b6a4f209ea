using System.CommandLine;
using TeraIO.Cli.Planning;
using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Planner.Machine;

namespace TeraIO.Cli.Options;

/// <summary>Budget and tiers. Where a command takes one machine, lists with more than one value are refused.</summary>
internal sealed class MachineOptions
{
    private const double BytesPerGiB = 1L << 30;

    private readonly Option<Budget[]> _budgets = OptionValues.Many<Budget>(
        "--budget", "SIZE|PERCENT", "Memory that tensors may take: 24GiB, or 40% of the trace's unlimited peak", Budget.Form, static (string? text, out Budget value) => Budget.TryParse(text, out value!));

    private readonly Option<ByteRate[]> _reads = OptionValues.Many<ByteRate>("--read-bw", "RATE", "Bandwidth from SSD, such as 3.2GB/s", ByteRate.Form, ByteRate.TryParse);
    private readonly Option<ByteRate[]> _writes = OptionValues.Many<ByteRate>("--write-bw", "RATE", "Bandwidth to SSD, such as 2.1GB/s", ByteRate.Form, ByteRate.TryParse);
    private readonly Option<ByteSize?> _hostBytes = OptionValues.Size("--host-bytes", "Host memory to use beside the SSD (default: none)");
    private readonly Option<ByteRate?> _hostRate = OptionValues.Rate("--host-bw", "Bandwidth to and from host memory, each way");
    private readonly Option<double?> _interference = OptionValues.Number("--interference", "0..1", "How much SSD reads and writes disturb each other: 0 not at all, 1 they share one channel (default: 0)", 0, 1);
    private readonly Option<double?> _latency = OptionValues.Number("--latency", "SECONDS", "From the request to the first byte from SSD (default: 0)", 0, 60);
    private readonly Option<double?> _queueDepth = OptionValues.Number("--queue-depth", "N", "Tensors in flight at once, per direction (default: 8)", 1, 4096);
    private readonly Option<double?> _computeLost = OptionValues.Number("--compute-per-gib", "SECONDS", "Compute seconds that each GiB moved takes away from the ops (default: the processor time in the profile; 0 without one, as with GPUDirect Storage)", 0, 3600);

    private readonly Option<string?> _profile = new("--profile") { Description = "Bandwidth profile from teraio bench, in place of --read-bw and --write-bw", HelpName = "FILE" };

    private readonly bool _many;

    /// <param name="command">Gets the options.</param>
    /// <param name="many">Whether budgets and bandwidths may be lists.</param>
    public MachineOptions(Command command, bool many = false)
    {
        _many = many;
        if (many)
        {
            _budgets.Description += "; repeatable";
            _reads.Description += "; repeatable, in pairs with --write-bw";
            _writes.Description += "; repeatable";
        }

        foreach (Option option in (Option[])[_budgets, _reads, _writes, _profile, _hostBytes, _hostRate, _interference, _latency, _queueDepth, _computeLost]) command.Add(option);
    }

    /// <summary>Whether a machine was described at all.</summary>
    public bool IsGiven(ParseResult parsed) => parsed.GetResult(_budgets) is not null || parsed.GetResult(_reads) is not null || parsed.GetResult(_writes) is not null || parsed.GetResult(_profile) is not null;

    /// <summary>The one machine.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="unlimitedPeak">What a percentage refers to, in bytes.</param>
    /// <param name="planBudget">Budget of the plan, where there is one: used when none is given.</param>
    /// <exception cref="UsageException">An option is missing or has several values.</exception>
    public MachineModel One(ParseResult parsed, long unlimitedPeak, long? planBudget = null)
    {
        MachineModel[] all = All(parsed, unlimitedPeak, planBudget);
        return all.Length == 1 ? all[0] : throw new UsageException("Give --budget, --read-bw and --write-bw once each; only teraio compare takes several.");
    }

    /// <summary>Every budget with every pair of bandwidths; budgets change slowest.</summary>
    /// <exception cref="UsageException">An option is missing, or the bandwidths do not pair up.</exception>
    public MachineModel[] All(ParseResult parsed, long unlimitedPeak, long? planBudget = null)
    {
        long[] budgets = Given(parsed, _budgets) is { Length: > 0 } texts ? [.. texts.Select(b => b.Resolve(unlimitedPeak))]
            : planBudget is { } ofPlan ? [ofPlan]
            : throw new UsageException("Say how much memory tensors may take with --budget, such as 40% or 24GiB.");
        BandwidthProfile? profile = Profile(parsed);
        TierModel[] tiers = Storage(parsed, profile);
        TierModel? host = Host(parsed);
        double computeLost = parsed.GetValue(_computeLost) / BytesPerGiB ?? (profile is null ? 0 : MeasuredMachine.ComputeSecondsPerByte(profile.Together()));
        return [.. budgets.SelectMany(budget => tiers.Select(tier => new MachineModel { MemoryBudget = budget, Storage = tier, Host = host, ComputeSecondsPerByte = computeLost }))];
    }

    /// <summary>The SSDs, measured or as described; options besides bandwidths go before what was measured.</summary>
    private TierModel[] Storage(ParseResult parsed, BandwidthProfile? profile)
    {
        ByteRate[] reads = Given(parsed, _reads);
        ByteRate[] writes = Given(parsed, _writes);
        if (profile is not null)
        {
            return reads.Length + writes.Length == 0 ? [Adjusted(parsed, MeasuredMachine.Tier(profile))]
                : throw new UsageException("--profile and --read-bw, --write-bw contradict each other: the profile has the bandwidths; leave one out.");
        }

        if (reads.Length == 0 || writes.Length == 0) throw new UsageException("Say how fast the SSDs are with --read-bw and --write-bw, such as 3.2GB/s, or with --profile.");
        if (reads.Length != writes.Length && reads.Length != 1 && writes.Length != 1)
            throw new UsageException($"There are {reads.Length} values of --read-bw and {writes.Length} of --write-bw; give as many of both, or one of either.");
        int pairs = Math.Max(reads.Length, writes.Length);
        return [.. Enumerable.Range(0, pairs).Select(i => Adjusted(parsed, new TierModel { ReadBandwidth = reads[i % reads.Length].BytesPerSecond, WriteBandwidth = writes[i % writes.Length].BytesPerSecond }))];
    }

    private TierModel Adjusted(ParseResult parsed, TierModel tier) => tier with
    {
        Interference = parsed.GetValue(_interference) ?? tier.Interference,
        LatencySeconds = parsed.GetValue(_latency) ?? tier.LatencySeconds,
        QueueDepth = (int)(parsed.GetValue(_queueDepth) ?? tier.QueueDepth),
    };

    private BandwidthProfile? Profile(ParseResult parsed) =>
        parsed.GetValue(_profile) is { } path ? InputFiles.Read(path, "profile", static p => BandwidthProfileFile.Read(p)) : null;

    private T[] Given<T>(ParseResult parsed, Option<T[]> option)
    {
        T[] values = parsed.GetValue(option) ?? [];
        if (!_many && values.Length > 1) throw new UsageException($"{option.Name} is given {values.Length} times; only teraio compare takes several.");
        return values;
    }

    private TierModel? Host(ParseResult parsed)
    {
        ByteSize? bytes = parsed.GetValue(_hostBytes);
        ByteRate? rate = parsed.GetValue(_hostRate);
        if ((bytes is null) != (rate is null)) throw new UsageException("--host-bytes and --host-bw belong together: how much host memory there is, and how fast it is reached.");
        return bytes is null ? null : new TierModel { ReadBandwidth = rate!.Value.BytesPerSecond, WriteBandwidth = rate.Value.BytesPerSecond, Capacity = bytes.Value.Bytes };
    }
}
