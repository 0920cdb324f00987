import streamlit as st
st.title('inspect')
st.selectbox('Data set',['a','b','c'],key='dataset',bind='query-params')
st.write(dict(st.query_params)); st.write(st.context.theme.type)
import plotly.express as px
f=px.scatter(x=[1,2],y=[2,3]); from mammo.results.palette import template
f.update_layout(template=template(False))
st.plotly_chart(f)
st.badge('Synthetic data',color='orange')
st.button('x')

