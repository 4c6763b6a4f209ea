namespace TeraIO.Planner.Synthesis.Layers;

/// <summary>Dropout: keeps its mask, a byte per element where it is one kernel, an element where it is composed of several.</summary>
internal static class DropoutLayer
{
    /// <summary>Nothing happens when the model drops nothing.</summary>
    public static Output Forward(IterationRecorder recorder, int input, string name)
    {
        if (recorder.Options.Model.Dropout == 0) return new Output(input, static gradient => gradient);
        long bytes = recorder.BytesOf(input);
        bool isEager = recorder.Options.IsEager;
        int mask = recorder.Transient(isEager ? bytes : bytes / recorder.Options.ElementBytes, 1, $"{name}.mask");
        int output = recorder.Transient(bytes, 1, $"{name}.dropped");
        if (isEager)
        {
            recorder.Op("aten::empty_like").Creates(mask);
            recorder.Op("aten::bernoulli_.float").Updates(mask);
            recorder.Op("aten::div_.Scalar").Updates(mask);
            recorder.Op("aten::mul.Tensor").Reads(input, mask).Creates(output);
        }
        else
        {
            recorder.Op("aten::native_dropout").Reads(input).Creates(output, mask);
        }

        return new Output(output, gradient =>
        {
            int inputGradient = recorder.Transient(bytes, 1, $"{name}.in.grad");
            recorder.Op(isEager ? "aten::mul.Tensor" : "aten::native_dropout_backward").Reads(gradient, mask).Creates(inputGradient);
            return inputGradient;
        });
    }
}
