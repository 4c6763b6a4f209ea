using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using TeraIO.Core;
using TeraIO.Distributed;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TeraIO.Torch.DataParallel;

/// <summary>
/// This rank's copy of a model that all ranks train together, each on its share of every batch: they begin with equal parameters, average their gradients before each
/// optimizer step, and so take the same step. With an <see cref="OffloadSession"/> gradients and parameters may be on storage at any time.
/// </summary>
/// <remarks>
/// <para>All methods are collective: every rank calls the same ones in the same order. Not thread-safe. With a single rank they do nothing.</para>
/// <para>
/// Sums are FP32 whatever the gradients are. They are as large as a mean over the whole batch when each rank's loss is the mean over an equally large share of it. Buffers, such as
/// the running statistics of batch normalisation, stay each rank's own.
/// </para>
/// </remarks>
public sealed class ModelReplica
{
    /// <summary>Bytes that are summed at once, unless told otherwise: 4 MiB.</summary>
    public static readonly ByteSize DefaultBucketSize = ByteSize.FromMiB(4);

    private static readonly ByteSize _smallestBucket = ByteSize.FromKiB(4);
    private static readonly ByteSize _largestBucket = ByteSize.FromGiB(1);

    private readonly List<(string Name, Parameter Parameter)> _parameters;
    private readonly Bucket _bucket;

    /// <summary>Compares the models' parameters by name, shape and type.</summary>
    /// <param name="model">In host memory; parameters in FP32, BF16 or FP16, contiguous.</param>
    /// <param name="ranks">The ranks; not owned.</param>
    /// <param name="session">The session that may offload the model's tensors, or null; not owned.</param>
    /// <param name="bucketSize">Bytes that are summed at once, 4 KiB to 1 GiB. They count in the session's budget. Default <see cref="DefaultBucketSize"/>.</param>
    /// <exception cref="ConfigurationException">A parameter cannot be averaged, or the ranks have different models.</exception>
    /// <exception cref="CommunicationException">The ranks cannot be reached.</exception>
    public ModelReplica(nn.Module model, ICommunicator ranks, OffloadSession? session = null, ByteSize? bucketSize = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(ranks);
        ByteSize size = bucketSize ?? DefaultBucketSize;
        if (size < _smallestBucket || size > _largestBucket) throw new ConfigurationException($"The bucket size is {size}: use {_smallestBucket} to {_largestBucket}.");
        Ranks = ranks;
        _bucket = new Bucket(session, size.Bytes / sizeof(float));
        _parameters = [.. model.named_parameters().DistinctBy(static p => p.parameter.Handle)];
        foreach ((string name, Parameter parameter) in _parameters) Validate(name, parameter);
        if (RankComparison.First(ranks, [.. _parameters.Select(static p => Hash(Describe(p)))]) is { } difference)
        {
            string here = difference.Index < _parameters.Count ? $"which here is {Describe(_parameters[difference.Index])}" : $"which does not exist here: there are {_parameters.Count}";
            throw new ConfigurationException($"Rank {difference.Rank} has another model than rank 0: they differ first in parameter {difference.Index}, {here}. Build the same model in every rank.");
        }
    }

    /// <summary>The ranks that train together.</summary>
    public ICommunicator Ranks { get; }

    /// <summary>Gives every rank the parameters of rank 0.</summary>
    /// <exception cref="CommunicationException">The ranks cannot be reached.</exception>
    public void BroadcastParameters()
    {
        if (Ranks.Size == 1) return;
        _bucket.Carry([.. _parameters.Select(static p => p.Parameter)], numbers => Ranks.Broadcast(MemoryMarshal.AsBytes(numbers), from: 0), writesBack: Ranks.Rank > 0);
    }

    /// <summary>Proves that the parameters of all ranks have the same bits.</summary>
    /// <exception cref="ConfigurationException">They do not; the message names the first parameter, and all ranks raise it.</exception>
    /// <exception cref="CommunicationException">The ranks cannot be reached.</exception>
    public void RequireEqualParameters()
    {
        if (Ranks.Size == 1) return;
        if (RankComparison.First(Ranks, [.. _parameters.Select(p => HashOf(p.Parameter))]) is not { } difference) return;
        throw new ConfigurationException(
            $"Rank {difference.Rank} has other values than rank 0 in parameter {_parameters[difference.Index].Name}: begin with the same seed or checkpoint in every rank, or call {nameof(BroadcastParameters)} first; afterwards change parameters through the optimizer only, with averaged gradients.");
    }

    /// <summary>
    /// Replaces every gradient by its mean over the ranks; all ranks get the same bits. Call it after the last backward pass of a step, before gradients are clipped or used. A
    /// parameter without a gradient here counts as zero, and has one afterwards if any rank had.
    /// </summary>
    /// <exception cref="ConfigurationException">A gradient is sparse.</exception>
    /// <exception cref="CommunicationException">The ranks cannot be reached.</exception>
    public void AverageGradients()
    {
        if (Ranks.Size == 1) return;
        using IDisposable scope = NewDisposeScope();
        Tensor?[] gradients = [.. _parameters.Select(static p => p.Parameter.grad)];
        float[] holders = [.. gradients.Select(static gradient => gradient is null ? 0f : 1f)];
        Ranks.SumInPlace(holders);
        var averaged = new List<Tensor>();
        for (int i = 0; i < gradients.Length; i++)
        {
            if (holders[i] > 0) averaged.Add(Contiguous(_parameters[i].Name, _parameters[i].Parameter, gradients[i]));
        }

        _bucket.Carry(averaged, Ranks.SumInPlace, writesBack: true, divisor: Ranks.Size);
    }

    /// <summary>The mean of a number over the ranks, such as that of their losses; all ranks get the same bits.</summary>
    /// <exception cref="CommunicationException">The ranks cannot be reached.</exception>
    public float Average(float value)
    {
        Span<float> sum = [value];
        Ranks.SumInPlace(sum);
        return sum[0] / Ranks.Size;
    }

    private static void Validate(string name, Parameter parameter)
    {
        if (parameter.device_type != DeviceType.CPU) throw new ConfigurationException($"Parameter {name} is on {parameter.device}: {nameof(ModelReplica)} averages gradients in host memory only.");
        if (parameter.dtype is not (ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16))
            throw new ConfigurationException($"Parameter {name} is {parameter.dtype}: {nameof(ModelReplica)} averages Float32, BFloat16 and Float16.");
        if (!parameter.is_contiguous()) throw new ConfigurationException($"Parameter {name} is not contiguous: call contiguous() on its tensor.");
    }

    private static string Describe((string Name, Parameter Parameter) p) => $"{p.Name}, {p.Parameter.dtype} [{string.Join(", ", p.Parameter.shape)}]";

    private static ulong Hash(string text) => XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(text));

    /// <summary>The gradient itself where it can be written as one piece; else a new one takes its place.</summary>
    private static Tensor Contiguous(string name, Parameter parameter, Tensor? gradient)
    {
        if (gradient is { is_sparse: true }) throw new ConfigurationException($"The gradient of {name} is sparse, which {nameof(ModelReplica)} cannot average: create the embedding without sparse: true.");
        if (gradient is not null && gradient.is_contiguous()) return gradient;
        using IDisposable noGradients = no_grad();
        return parameter.grad = gradient?.contiguous() ?? zeros_like(parameter);
    }

    private ulong HashOf(Parameter parameter)
    {
        var hash = new XxHash3();
        _bucket.Carry([parameter], numbers => hash.Append(MemoryMarshal.AsBytes(numbers)), writesBack: false);
        return hash.GetCurrentHashAsUInt64();
    }
}
