namespace TeraIO.Core.Tests.Runtime;

/// <summary>Where kernels stand still until they are let go: at the latest at the end of the test, whatever became of it.</summary>
internal sealed class KernelGate : IDisposable
{
    // Not disposed: a kernel may be leaving it.
    private readonly ManualResetEventSlim _open = new();

    public void Open() => _open.Set();

    public void Wait() => _open.Wait();

    public void Dispose() => Open();
}
