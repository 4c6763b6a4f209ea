using TeraIO.Optimizer.Layout;

namespace TeraIO.Optimizer.Offload;

/// <summary>
/// The closed form of an update's traffic. With W words of state per parameter (3 with master parameters, else 2), P parameters, and K(t) parameters in
/// the tail cache after step t (the last C subgroups of its order), step t reads 4W(P - K(t-1)) and writes 4W(P - K(t)) bytes of state, where K(0) = 0; gradients
/// through storage add 4P written and 4P read. All subgroups of equal size S and steady: 4W(P - CS) each way.
/// </summary>
public static class TrafficModel
{
    /// <summary>Traffic of a step.</summary>
    /// <param name="layout">The subgroups.</param>
    /// <param name="options">How they move.</param>
    /// <param name="step">From 1.</param>
    public static StepTraffic OfStep(ParameterLayout layout, OptimizerOffloadOptions options, long step)
    {
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(step, 1);
        int cached = options.Plan(layout).Cached;
        long word = 4 * layout.Elements;
        long gradients = options.StoresGradients ? word : 0;
        return new StepTraffic(
            (options.StateWords * (word - (4 * TailElements(layout, options, cached, step - 1)))),
            (options.StateWords * (word - (4 * TailElements(layout, options, cached, step)))),
            gradients, gradients);
    }

    /// <summary>Bytes that placing the initial state on storage writes.</summary>
    public static long Initial(ParameterLayout layout, OptimizerOffloadOptions options)
    {
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentNullException.ThrowIfNull(options);
        return 4L * options.StateWords * layout.Elements;
    }

    /// <summary>Whether a step goes from the last subgroup to the first.</summary>
    internal static bool IsDescending(UpdateOrder order, long step) => order == UpdateOrder.Alternating && step % 2 == 0;

    /// <summary>Parameters in memory after a step.</summary>
    private static long TailElements(ParameterLayout layout, OptimizerOffloadOptions options, int cached, long step)
    {
        if (step == 0 || cached == 0) return 0;
        IEnumerable<Subgroup> tail = IsDescending(options.Order, step) ? layout.Subgroups.Take(cached) : layout.Subgroups.TakeLast(cached);
        return tail.Sum(static subgroup => subgroup.Elements);
    }
}
