namespace TeraIO.Planner.Synthesis.Layers;

/// <summary>Takes down the ops of a layer's backward.</summary>
/// <param name="gradient">Gradient of the layer's output.</param>
/// <returns>Gradient of its input.</returns>
internal delegate int Backward(int gradient);

/// <summary>What a layer's forward left.</summary>
/// <param name="Tensor">Its output.</param>
/// <param name="Backward">Its backward, to be called once or not at all.</param>
internal readonly record struct Output(int Tensor, Backward Backward);
