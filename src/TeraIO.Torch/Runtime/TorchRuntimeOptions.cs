namespace TeraIO.Torch.Runtime;

/// <summary>What <see cref="TorchRuntime.Initialize"/> may be told. Immutable; every default is usable.</summary>
public sealed record TorchRuntimeOptions
{
    /// <summary>
    /// Directory that holds <c>libtorch_cpu.so</c> (such as the <c>torch/lib</c> of a PyTorch installed by pip; its
    /// parent <c>torch</c> is accepted too), or <see langword="null"/> to look in the environment variable
    /// <c>TERAIO_LIBTORCH</c>, beside the application and in the NuGet folder known at build time, in this order.
    /// </summary>
    public string? LibTorchDirectory { get; init; }
}
