#version 450
// Runs as long as v[0] is 0: until the host writes it, if memory is shared.
layout(local_size_x = 1) in;
layout(set = 0, binding = 0) volatile buffer Data { uint v[]; };
void main()
{
	while (v[0] == 0)
		v[1]++;
	v[2] = 7;
}
