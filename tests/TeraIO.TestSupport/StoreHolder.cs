using System.Globalization;
using TeraIO.Core;
using TeraIO.Core.Storage;

namespace TeraIO.TestSupport;

/// <summary>
/// The child process of the crash tests: opens a store in the directory of its first argument, says so, and writes until it
/// is killed or its standard input ends. With <c>lease</c> as its first argument it is a <see cref="LeaseMember"/>.
/// </summary>
internal static class StoreHolder
{
    private const int TensorBytes = 4 << 20;

    public static async Task<int> Main(string[] arguments)
    {
        if (arguments is ["lease", var file, var slots])
            return LeaseMember.Run(file, int.Parse(slots, CultureInfo.InvariantCulture), Console.In, Console.Out);
        using var store = TensorStore.Open(new StoreOptions { Paths = [arguments[0]], SegmentSize = ByteSize.FromMiB(8) });
        using var tensor = UnmanagedBytes.Filled(TensorBytes, seed: 1);
        var copy = store.Reserve(tensorId: 1, TensorBytes);
        var inputEnds = Task.Run(Console.In.ReadToEnd);
        await store.WriteAsync(copy, tensor.Address).ConfigureAwait(false);
        await Console.Out.WriteLineAsync("writing").ConfigureAwait(false);
        await Console.Out.FlushAsync().ConfigureAwait(false);
        while (!inputEnds.IsCompleted)
            await store.WriteAsync(copy, tensor.Address).ConfigureAwait(false);
        return 0;
    }
}
